"""Opens a queue that is no part of the package, which `QUEUE_BACKEND=MODULE:NAME` names."""

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from telemetry.domain.clock import Clock
from telemetry.domain.errors import UsageError
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.queue import Queue

_VERBS: Final = [name for name in dir(Queue) if not name.startswith("_")]


def queue(backend: str, url: str, clock: Clock, terms: LeaseTerms) -> Queue:
    """Call what `backend` names with the address, the clock and the terms.

    Raise UsageError saying what is wrong with it, or with the address, which is never shown.
    """
    make = _found(backend)
    try:
        made = make(url, clock, terms)
    except ValueError as error:
        raise UsageError(f"QUEUE_URL: {str(error).replace(url, '***')}") from None
    if missing := [verb for verb in _VERBS if not hasattr(made, verb)]:
        raise UsageError(
            f"QUEUE_BACKEND: {backend}: what it makes is no queue: it lacks {', '.join(missing)}"
        )
    found: Queue = made
    return found


def _found(backend: str) -> Callable[..., Any]:
    """Import what is named, which takes an address, a clock and terms. Raise UsageError if there is none."""
    module, _, name = backend.partition(":")
    try:
        found: Callable[..., Any] | None = getattr(import_module(module), name, None)
    except ImportError as error:
        raise UsageError(
            f"QUEUE_BACKEND: {backend}: {error}; install it, or name its folder in PYTHONPATH"
        ) from None
    if not callable(found):
        raise UsageError(f"QUEUE_BACKEND: {backend}: {module} has no function and no class {name}")
    try:
        inspect.signature(found).bind("url", "clock", "terms")
    except TypeError:
        raise UsageError(f"QUEUE_BACKEND: {backend}: it does not take (url, clock, terms)") from None
    return found
