"""The latency of a record from its receipt to its object, and of a POST to its 202, at half the maximum rate.

Run by `make bench`. The maximum is found first, in a short run of its own. Half of it is then posted evenly.
The latency of a POST that is sent late counts from when it was due.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final

from benchmarks import report
from benchmarks.pipeline import pipeline

_GOALS_S: Final = {"2": (0.5, 2.2), "0.2": (0.5, 0.5)}  # P50 and P95, by BATCH_TIMEOUT
_GOAL_202_MS: Final = 60
_RECORDS: Final = 100


def maximum(duration_s: float) -> float:
    """Return the records a second that a pipeline accepts at the most."""
    with pipeline() as ours:
        sent = ours.load(records=_RECORDS, connections=16, seconds=duration_s)
        return float(sent["accepted"] / sent["seconds"])


def measure(timeout_s: str, rate: float, duration_s: float) -> Mapping[str, Any]:
    """Post `rate` records a second to a pipeline whose batches wait at most `timeout_s`."""
    goal_p50_s, goal_p95_s = _GOALS_S[timeout_s]
    with pipeline(BATCH_TIMEOUT=timeout_s) as ours:
        sent = ours.load(records=_RECORDS, connections=16, seconds=duration_s, rate=rate)
        ours.settle(sent["accepted"])
        stored = ours.stored()
        return {
            "name": f"latency_batch_timeout_{timeout_s}",
            "records_per_s": round(sent["accepted"] / sent["seconds"]),
            "stored_p50_s": round(stored.percentile(50), 3),
            "goal_p50_s": goal_p50_s,
            "stored_p95_s": round(stored.percentile(95), 3),
            "goal_p95_s": goal_p95_s,
            "stored_p99_s": round(stored.percentile(99), 3),
            "answer_p50_ms": round(sent["p50"] * 1000, 1),
            "answer_p99_ms": round(sent["p99"] * 1000, 1),
            "goal_answer_p99_ms": _GOAL_202_MS,
            "lost": sent["accepted"] - stored.unique,
        }


def main() -> int:
    chosen = report.arguments(__doc__, seconds=15, rate=0.0)
    rate = chosen.rate or maximum(5) / 2
    return report.show([measure(timeout_s, rate, chosen.seconds) for timeout_s in _GOALS_S], chosen)


if __name__ == "__main__":
    sys.exit(main())
