"""What many ask for at once is read once, and kept for a while."""

import asyncio
import math
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Final, Generic, TypeVar

from telemetry.domain.clock import Clock
from telemetry.domain.errors import OutOfReachError

R = TypeVar("R")

MOST_KEPT: Final = 32
"""Answers that are kept, or are being read; the one that was asked for longest ago is dropped first."""


class Shared(Generic[R]):
    """Answers that all who ask share. An answer is kept for `young_s`, and so is an error."""

    def __init__(self, clock: Clock, young_s: float) -> None:
        self._clock = clock
        self._young_s = young_s
        self._reads: dict[Hashable, _Read[R]] = {}

    async def get(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Return what `read` returns, or raise what it raises.

        It is not called while one who asked for the same waits for it, or has a young answer. One who stops
        waiting does not stop it. Raise OutOfReachError if too many reads are under way.
        """
        found = self._reads.pop(key, None)
        if found is None or found.ended_s + self._young_s <= self._clock.monotonic_s():
            self._make_room()
            found = _Read(self._clock, read)
        self._reads[key] = found
        return await asyncio.shield(found.task)

    def _make_room(self) -> None:
        ended = [key for key, each in self._reads.items() if each.task.done()]
        if len(self._reads) >= MOST_KEPT:
            if not ended:
                raise OutOfReachError("Too much is being read for others")
            del self._reads[ended[0]]


class _Read(Generic[R]):
    """One read: under way, or ended at `ended_s`."""

    def __init__(self, clock: Clock, read: Callable[[], Coroutine[Any, Any, R]]) -> None:
        self._clock = clock
        self.ended_s = math.inf
        self.task = asyncio.create_task(read())
        self.task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[R]) -> None:
        self.ended_s = self._clock.monotonic_s()
        if not task.cancelled():
            task.exception()  # which is raised to who waits, if there is anybody
