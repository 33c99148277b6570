"""How much memory each role holds at the maximum rate, and whether that grows.

Run by `make bench`, which gives it less than the five minutes that are its default.
"""

import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from benchmarks import report
from benchmarks.pipeline import Pipeline, pipeline

_GOAL_MB: Final = 200
_WARM_UP: Final = 0.2  # of the time, in which buffers grow to what they need


def measure(seconds: float) -> Mapping[str, Any]:
    """Load a pipeline for a while, and look at its memory every second."""
    with pipeline() as ours:
        seen: list[Mapping[str, float]] = []
        watching = threading.Thread(target=_watch, args=(ours, seen, time.monotonic() + seconds))
        watching.start()
        sent = ours.load(records=500, connections=8, seconds=seconds)
        watching.join()
        lost = sent["accepted"] - ours.lines() if ours.settle(sent["accepted"]) else 0
        steady = seen[round(len(seen) * _WARM_UP) :]
        growth = {role: _growth([each[role] for each in steady]) for role in steady[0]}
        return {
            "name": "memory",
            "seconds": seconds,
            "records_per_s": round(sent["accepted"] / sent["seconds"]),
            **{f"{role}_peak_mb": round(peak) for role, peak in ours.memory().items()},
            "goal_mb": _GOAL_MB,
            **{f"{role}_growth": share for role, share in growth.items()},
            "lost": lost,
        }


def _watch(ours: Pipeline, seen: list[Mapping[str, float]], until: float) -> None:
    while time.monotonic() < until:
        seen.append(ours.memory("VmRSS"))
        time.sleep(1)


def _growth(megabytes: list[float]) -> float:
    """Tell by what share the second half is above the first."""
    half = len(megabytes) // 2
    return round(float(np.mean(megabytes[half:]) / np.mean(megabytes[:half])) - 1, 3)


def main() -> int:
    chosen = report.arguments(__doc__, seconds=300)
    return report.show([measure(chosen.seconds)], chosen)


if __name__ == "__main__":
    sys.exit(main())
