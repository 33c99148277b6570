"""How much memory each role holds at the maximum rate, and whether that grows.

Run by `make bench`, in less than the five minutes that are its default.
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
_WARM_UP: Final = 0.2  # share of the time in which buffers grow to the size that they need


def measure(duration_s: float) -> Mapping[str, Any]:
    """Load a pipeline for `duration_s`, and measure its memory every second."""
    with pipeline() as ours:
        samples: list[Mapping[str, float]] = []
        watching = threading.Thread(target=_watch, args=(ours, samples, time.monotonic() + duration_s))
        watching.start()
        sent = ours.load(records=500, connections=8, seconds=duration_s)
        watching.join()
        lost = sent["accepted"] - ours.lines() if ours.settle(sent["accepted"]) else 0
        steady = samples[round(len(samples) * _WARM_UP) :]
        growth = {role: _growth([each[role] for each in steady]) for role in steady[0]}
        return {
            "name": "memory",
            "seconds": duration_s,
            "records_per_s": round(sent["accepted"] / sent["seconds"]),
            **{f"{role}_peak_mb": round(peak) for role, peak in ours.memory().items()},
            "goal_mb": _GOAL_MB,
            **{f"{role}_growth": share for role, share in growth.items()},
            "lost": lost,
        }


def _watch(ours: Pipeline, samples: list[Mapping[str, float]], until_s: float) -> None:
    while time.monotonic() < until_s:
        samples.append(ours.memory("VmRSS"))
        time.sleep(1)


def _growth(megabytes: list[float]) -> float:
    """Return the share by which the mean of the second half is above that of the first."""
    half = len(megabytes) // 2
    return round(float(np.mean(megabytes[half:]) / np.mean(megabytes[:half])) - 1, 3)


def main() -> int:
    chosen = report.arguments(__doc__, seconds=300)
    return report.show([measure(chosen.seconds)], chosen)


if __name__ == "__main__":
    sys.exit(main())
