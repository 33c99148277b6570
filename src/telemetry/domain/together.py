"""The port to doing many things at once: the domain has no event loop, and is given a way to wait for all."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from telemetry.domain.errors import TelemetryError

R = TypeVar("R")


class Together(Protocol):
    """Waits for many calls."""

    async def __call__(self, calls: Iterable[Callable[[], Awaitable[R]]]) -> Sequence[R | TelemetryError]:
        """Make all calls; return what each returned, in their order.

        A TelemetryError that a call raises is its result, so that one that fails costs no other. Anything
        else is raised, once no call is under way any more.
        """
        ...


async def one_by_one(calls: Iterable[Callable[[], Awaitable[R]]]) -> Sequence[R | TelemetryError]:
    """Make each call after the one before it has ended."""
    return [await result_of(call) for call in calls]


async def result_of(call: Callable[[], Awaitable[R]]) -> R | TelemetryError:
    """Return what a call returns, or the TelemetryError that it raises."""
    try:
        return await call()
    except TelemetryError as error:
        return error
