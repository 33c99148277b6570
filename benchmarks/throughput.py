"""How many records a second come from POST to durable partitioned file, and what each costs.

Run by `make bench`. Receiver, consumer and load share the machine. A record is lost if it was answered 202
and is not on disk once no record is under way any more.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from benchmarks import report
from benchmarks.pipeline import pipeline


class Question(NamedTuple):
    """The records of a POST, the connections, and the goals: records a second and us of CPU a record."""

    records: int
    connections: int
    rate: float
    cpu_us: float


QUESTIONS: Final = (
    Question(500, 8, 150_000, 7),
    Question(100, 16, 120_000, 8),
    Question(1, 64, 12_000, 75),
)


def measure(question: Question, duration_s: float) -> Mapping[str, Any]:
    """Load a new pipeline at its maximum rate for `duration_s`, and count what was stored."""
    with pipeline() as ours:
        before_s = ours.cpu()
        sent = ours.load(records=question.records, connections=question.connections, seconds=duration_s)
        at_end = ours.lines()
        settle_s = ours.settle(sent["accepted"])
        after_s, stored = ours.cpu(), ours.stored()
        cpu_us = {role: (after_s[role] - before_s[role]) / sent["accepted"] * 1e6 for role in after_s}
        return {
            "name": f"throughput_{question.records}",
            "records_per_s": round(sent["accepted"] / sent["seconds"]),
            "goal_records_per_s": round(question.rate),
            "cpu_us_per_record": round(sum(cpu_us.values()), 2),
            "goal_cpu_us": question.cpu_us,
            "receiver_us": round(cpu_us["receiver"], 2),
            "consumer_us": round(cpu_us["consumer"], 2),
            "load_us": round(sent["cpu_seconds"] / sent["accepted"] * 1e6, 2),
            "stored_at_end": round(at_end / sent["accepted"], 3),
            "settle_s": round(settle_s, 2),
            "lost": sent["accepted"] - stored.unique,
            "duplicates": stored.lines - stored.unique,
            "p99_202_ms": round(sent["p99"] * 1000, 1),
            "receiver_mb": round(ours.memory()["receiver"]),
            "consumer_mb": round(ours.memory()["consumer"]),
        }


def main() -> int:
    chosen = report.arguments(__doc__, seconds=30)
    return report.show([measure(question, chosen.seconds) for question in QUESTIONS], chosen)


if __name__ == "__main__":
    sys.exit(main())
