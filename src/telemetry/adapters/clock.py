"""Clocks: this machine's, and one that is moved by hand."""

import time


class SystemClock:
    """The clocks of this machine."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is advanced."""

    def __init__(self, wall_ms: int = 0, monotonic_s: float = 0.0) -> None:
        self._wall_ms = wall_ms
        self._monotonic_s = monotonic_s

    def wall_ms(self) -> int:
        return self._wall_ms

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, duration_s: float) -> None:
        self._wall_ms += round(duration_s * 1000)
        self._monotonic_s += duration_s

    def jump(self, duration_s: float) -> None:
        """Set the wall clock forward, or back by less than nothing, as a correction does."""
        self._wall_ms += round(duration_s * 1000)
