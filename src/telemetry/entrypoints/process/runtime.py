"""What every role does as a process: one event loop, and a polite end at the first signal."""

import asyncio
import gc
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import uvloop

# Objects; circles are rare here, and records go as soon as nobody holds them.
_BETWEEN_COLLECTIONS: Final = 50_000


def run(main: Callable[[asyncio.Event], Awaitable[int]]) -> int:
    """Run `main` until it returns its exit status; the event that it gets is set by SIGTERM, SIGINT or SIGHUP."""

    async def guarded() -> int:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(each, stopping.set)
        return await main(stopping)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(guarded())


def spare_collector() -> None:
    """Let the garbage collector leave alone what was made at the start, and look seldom for circles in the rest."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_BETWEEN_COLLECTIONS)


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Sleep, but not beyond the moment at which the process is told to stop."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


def free_port() -> int:
    """Find a port of this machine that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
