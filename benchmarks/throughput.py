"""How many records a second come from POST to durable partitioned file, and what each costs.

Run by `make bench`. Receiver, consumer and load share the machine. Lost are records that were answered 202 and are not
on disk once nothing is on its way any more.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from benchmarks import report
from benchmarks.pipeline import pipeline


class Question(NamedTuple):
    """A size of POST, over how many connections, and what is to be reached: records/s and us of CPU per record."""

    records: int
    connections: int
    rate: float
    cpu: float


QUESTIONS: Final = (
    Question(500, 8, 150_000, 7),
    Question(100, 16, 120_000, 8),
    Question(1, 64, 12_000, 75),
)


def measure(question: Question, seconds: float) -> Mapping[str, Any]:
    """Load a fresh pipeline as hard as it takes it, and count what came of it."""
    with pipeline() as ours:
        before = ours.cpu()
        sent = ours.load(records=question.records, connections=question.connections, seconds=seconds)
        at_end = ours.lines()
        settle = ours.settle(sent["accepted"])
        after, stored = ours.cpu(), ours.stored()
        cpu = {role: (after[role] - before[role]) / sent["accepted"] * 1e6 for role in after}
        return {
            "name": f"throughput_{question.records}",
            "records_per_s": round(sent["accepted"] / sent["seconds"]),
            "goal_records_per_s": round(question.rate),
            "cpu_us_per_record": round(sum(cpu.values()), 2),
            "goal_cpu_us": question.cpu,
            "receiver_us": round(cpu["receiver"], 2),
            "consumer_us": round(cpu["consumer"], 2),
            "load_us": round(sent["cpu_seconds"] / sent["accepted"] * 1e6, 2),
            "stored_at_end": round(at_end / sent["accepted"], 3),
            "settle_s": round(settle, 2),
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
