"""A command, run until it ends by itself: the n-th run is killed as `kill -9` does it, at its n-th change.

A change is a file that got its name, or lost it. After each kill a line is printed, and the next run begins
once a line was read; without one it ends. The runs are forked, since most of a start is imports. Their clock
is ahead, so that what is kept for a while is removed at once.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from itertools import count
from typing import Any, Final

from telemetry.adapters.clock import SystemClock
from telemetry.entrypoints.process import cli

_IMPORTED: Final = (
    "pandas",  # as pyarrow does, if it is there
    "telemetry.adapters.lake.parquet",
    "telemetry.entrypoints.roles.compact",
    "telemetry.entrypoints.roles.vehicle",
)
_AHEAD_MS: Final = 2 * 3_600_000
_CHANGES: Final = ("replace", "unlink")


class _Changes:
    """Kills this process once it has made so many changes."""

    def __init__(self, left: int) -> None:
        self._left = left

    def counted(self, change: Callable[..., None]) -> Callable[..., None]:
        def counting(*args: Any, **options: Any) -> None:
            change(*args, **options)
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)

        return counting


def _run(changes: int, arguments: list[str]) -> int:
    """Run the command in a process of its own; return how it ended, as `os.waitstatus_to_exitcode` does."""
    if process := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    counter = _Changes(changes)
    for name in _CHANGES:
        setattr(os, name, counter.counted(getattr(os, name)))
    sys.exit(cli.main(arguments))


def main(arguments: list[str]) -> int:
    for name in _IMPORTED:
        import_module(name)
    setattr(SystemClock, "wall_ms", lambda _: time.time_ns() // 1_000_000 + _AHEAD_MS)  # noqa: B010  # a method
    for changes in count(1):
        ended = _run(changes, arguments)
        if ended != -signal.SIGKILL:
            return ended
        sys.stdout.write("killed\n")
        sys.stdout.flush()
        if not sys.stdin.readline():
            return 1  # who looks is gone
    raise AssertionError


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
