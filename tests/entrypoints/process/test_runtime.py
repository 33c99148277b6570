"""One event loop a process, and a polite end at the first signal."""

import asyncio
import os
import signal
import socket

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


def test_a_free_port_is_one_that_nobody_listens_on(monkeypatch: pytest.MonkeyPatch):
    port = runtime.free_port()
    monkeypatch.setattr(runtime, "_FREE_PORTS", [port])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(OSError, match="in use"):
        runtime.free_port()
    assert runtime.free_port() == port
