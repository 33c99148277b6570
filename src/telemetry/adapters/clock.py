"""Clocks: this machine's, and one that is moved by hand."""

import time


class SystemClock:
    """The clocks of this machine."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands still until somebody advances it."""

    def __init__(self, wall: int = 0) -> None:
        self._wall = wall
        self._monotonic = 0.0

    def wall_ms(self) -> int:
        return self._wall

    def monotonic_s(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._wall += round(seconds * 1000)
        self._monotonic += seconds
