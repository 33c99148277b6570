"""One event loop a process, and a polite end at the first signal."""

import asyncio
import os
import signal

import pytest

from telemetry.entrypoints.process import runtime


@pytest.mark.parametrize("each", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_asks_to_stop(each: signal.Signals):
    async def main(stopping: asyncio.Event) -> int:
        os.kill(os.getpid(), each)
        await stopping.wait()
        return 7

    assert runtime.run(main) == 7


async def test_a_pause_ends_by_itself_or_when_the_process_is_asked_to_stop():
    stopping = asyncio.Event()
    await runtime.pause(stopping, 0)
    await runtime.pause(stopping, -1)
    stopping.set()
    await runtime.pause(stopping, 3600)
