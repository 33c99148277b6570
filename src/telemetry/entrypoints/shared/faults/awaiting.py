"""Waits for what other processes do, and says in one line what went wrong."""

import asyncio
from collections.abc import Callable
from typing import Final

from telemetry.domain.errors import TelemetryError

_LOOK_EVERY_S: Final = 0.02
_LONGEST_WAIT_S: Final = 60.0


def described(error: BaseException) -> str:
    """Say what an error is, and of a group of errors what its first one is."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    is_told = isinstance(error, TimeoutError | RuntimeError | TelemetryError) and str(error)
    return str(error) if is_told else f"{type(error).__name__}: {error}".removesuffix(": ")


async def until(condition: Callable[[], bool], what: str, patience_s: float = _LONGEST_WAIT_S) -> None:
    """Return once a condition holds. Raise TimeoutError with what was waited for if it does not in time."""
    try:
        async with asyncio.timeout(patience_s):
            while not condition():  # noqa: ASYNC110  # other processes cannot set an event here
                await asyncio.sleep(_LOOK_EVERY_S)
    except TimeoutError:
        raise TimeoutError(f"waited {patience_s:g} s in vain for {what}") from None
