"""Calls that are under way together, a bounded number of them at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

from telemetry.domain.errors import TelemetryError
from telemetry.domain.together import result_of

R = TypeVar("R")

AT_ONCE: Final = 32
"""Calls: enough to hide the round trip to a store, few enough for its connections."""


class Concurrently:
    """Makes calls together, at most `at_once` of them at a time."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once

    async def __call__(self, calls: Iterable[Callable[[], Awaitable[R]]]) -> Sequence[R | TelemetryError]:
        free = asyncio.Semaphore(self._at_once)

        async def one(call: Callable[[], Awaitable[R]]) -> R | TelemetryError:
            async with free:
                return await result_of(call)

        async with asyncio.TaskGroup() as tasks:
            made = [tasks.create_task(one(call)) for call in calls]
        return [each.result() for each in made]
