"""The port to where hours are computed: here, or away from the event loop."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

R = TypeVar("R")


class Engine(Protocol):
    """Runs jobs."""

    async def __call__(self, job: Callable[[], Awaitable[R]]) -> R:
        """Run a job to its end, maybe on a loop of its own; return what it returns, or raise what it raises.

        Several may be under way at once. A job and its result can be pickled.
        """
        ...


async def here(job: Callable[[], Awaitable[R]]) -> R:
    """Run a job on the loop that asks for it."""
    return await job()
