"""What every role does as a process: it runs one event loop, and ends in order at the first signal."""

import asyncio
import errno
import gc
import os
import random
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

import uvloop

from telemetry.domain.errors import OutOfReachError, UsageError

# Objects. Reference cycles are rare here, so that nearly all records are freed without the collector.
_BETWEEN_COLLECTIONS: Final = 50_000

_FREE_PORTS: Final = range(20_000, 32_000)  # Linux gives connections ports from 32,768 on

STALE: Final = "What this process was given is not valid any more, ending for another one to be started"
"""What a role says before it ends because of its credentials."""

_OF_PORT: Final = {errno.EADDRINUSE, errno.EACCES}
"""The ways in which listening fails because of the port."""


def run(main: Callable[[asyncio.Event], Awaitable[int]]) -> int:
    """Run `main` until it returns its exit status.

    The event that it gets is set by SIGTERM, SIGINT or SIGHUP.
    """

    async def guarded() -> int:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(each, stopping.set)
        return await main(stopping)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(guarded())


def spare_collector() -> None:
    """Exclude what was made at the start from garbage collection, and collect the rest seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_BETWEEN_COLLECTIONS)


async def pause(stopping: asyncio.Event, duration_s: float) -> None:
    """Sleep for `duration_s`, or until `stopping` is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(duration_s):
            await stopping.wait()


def is_stale(error: BaseException) -> bool:
    """Return whether only another process can go on, as when credentials have expired."""
    return isinstance(error, OutOfReachError) and error.needs_restart


async def unless(stopping: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do work, and give it up once `stopping` is set."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        if not working.done():
            working.cancel()
    with suppress(asyncio.CancelledError):
        await working


def check_address(host: str, port: int, prefix: str = "") -> None:
    """Raise UsageError if it is no address, or one that is in use; its option begins with `prefix`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        with socket.create_server(address[:2], family=family):
            pass
    except (socket.gaierror, UnicodeError):
        raise UsageError(f"--{prefix}host: {host[:60]!r}: there is no such address") from None
    except OSError as error:
        option = f"--{prefix}port: {port}" if error.errno in _OF_PORT else f"--{prefix}host: {host}"
        raise UsageError(f"{option}: {os.strerror(error.errno or 0)}") from None


def free_port() -> int:
    """Find a port of this machine that nobody listens on at this moment. Raise OSError if there is none.

    It is not one that the system gives to connections, which could take it before somebody listens.
    """
    for port in random.sample(_FREE_PORTS, k=len(_FREE_PORTS)):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
