"""How long a record takes from its receipt to its object, and a POST to its 202, at half of what the pipeline can take.

Run by `make bench`. The maximum is found first, in a short run of its own; half of it is then posted evenly, and a POST
that goes out late counts from when it was due.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final

from benchmarks import report
from benchmarks.pipeline import pipeline

_GOALS: Final = {"2": (0.5, 2.2), "0.2": (0.5, 0.5)}  # seconds of P50 and P95, by BATCH_TIMEOUT
_GOAL_202_MS: Final = 60
_RECORDS: Final = 100


def maximum(seconds: float) -> float:
    """Find how many records a second are taken at the most."""
    with pipeline() as ours:
        sent = ours.load(records=_RECORDS, connections=16, seconds=seconds)
        return float(sent["accepted"] / sent["seconds"])


def measure(timeout: str, rate: float, seconds: float) -> Mapping[str, Any]:
    """Post at a steady rate to a pipeline whose batches wait at most `timeout` seconds."""
    goal_p50, goal_p95 = _GOALS[timeout]
    with pipeline(BATCH_TIMEOUT=timeout) as ours:
        sent = ours.load(records=_RECORDS, connections=16, seconds=seconds, rate=rate)
        ours.settle(sent["accepted"])
        stored = ours.stored()
        return {
            "name": f"latency_batch_timeout_{timeout}",
            "records_per_s": round(sent["accepted"] / sent["seconds"]),
            "stored_p50_s": round(stored.percentile(50), 3),
            "goal_p50_s": goal_p50,
            "stored_p95_s": round(stored.percentile(95), 3),
            "goal_p95_s": goal_p95,
            "stored_p99_s": round(stored.percentile(99), 3),
            "answer_p50_ms": round(sent["p50"] * 1000, 1),
            "answer_p99_ms": round(sent["p99"] * 1000, 1),
            "goal_answer_p99_ms": _GOAL_202_MS,
            "lost": sent["accepted"] - stored.unique,
        }


def main() -> int:
    chosen = report.arguments(__doc__, seconds=15, rate=0.0)
    rate = chosen.rate or maximum(5) / 2
    return report.show([measure(timeout, rate, chosen.seconds) for timeout in _GOALS], chosen)


if __name__ == "__main__":
    sys.exit(main())
