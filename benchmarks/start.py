"""How long `telemetry --help` takes, and how long a receiver takes to be ready.

Run by `make bench`. Each figure is the median of several starts.
"""

import subprocess
import sys
import time
from statistics import median
from typing import Final

from benchmarks import report
from benchmarks.pipeline import pipeline

_GOAL_HELP_S: Final = 0.25
_GOAL_READY_S: Final = 1.5


def help_s() -> float:
    started_s = time.perf_counter()
    subprocess.run([sys.executable, "-m", "telemetry", "--help"], check=True, capture_output=True)
    return time.perf_counter() - started_s


def ready_s() -> float:
    started_s = time.perf_counter()
    with pipeline("receiver"):
        return time.perf_counter() - started_s


def main() -> int:
    chosen = report.arguments(__doc__, times=5)
    answer = {
        "name": "start",
        "help_s": round(median(help_s() for _ in range(chosen.times)), 3),
        "goal_help_s": _GOAL_HELP_S,
        "receiver_ready_s": round(median(ready_s() for _ in range(chosen.times)), 3),
        "goal_ready_s": _GOAL_READY_S,
    }
    return report.show([answer], chosen)


if __name__ == "__main__":
    sys.exit(main())
