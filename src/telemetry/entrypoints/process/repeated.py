"""Says in the log what happens again and again: at once, and then once in a period with how often."""

import asyncio
from collections.abc import Callable, Hashable

from telemetry.domain.clock import Clock
from telemetry.domain.throttle import Throttle

Say = Callable[[int], object]
"""Writes a line about so many events."""


class Repeated:
    """Events by kind. What is counted and not said yet when a period ends is said then."""

    def __init__(self, clock: Clock, period_s: float) -> None:
        self._clock = clock
        self._period_s = period_s
        self._throttle = Throttle(period_s)
        self._unsaid: dict[Hashable, tuple[Say, bool]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def happened(self, kind: Hashable, say: Say, count: int = 1) -> None:
        """Count `count` events of a kind, and say so now or later."""
        if admitted := self._throttle.admit(kind, self._clock.monotonic_s(), count):
            self._unsaid.pop(kind, None)
            say(admitted)
        else:
            self._say_later(kind, say, is_again=False)

    def flush(self) -> None:
        """Say what is due, and the rest after one more period."""
        self._timer = None
        unsaid, self._unsaid = self._unsaid, {}
        for kind, (say, is_again) in unsaid.items():
            if admitted := self._throttle.admit(kind, self._clock.monotonic_s(), 0):
                say(admitted)
            elif not is_again:
                self._say_later(kind, say, is_again=True)

    def _say_later(self, kind: Hashable, say: Say, *, is_again: bool) -> None:
        self._unsaid[kind] = say, is_again
        if not self._timer:
            self._timer = asyncio.get_running_loop().call_later(self._period_s, self.flush)
