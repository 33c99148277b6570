"""A relay passes connections on, and lets them go wrong in the way that it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from telemetry.entrypoints.shared.faults.relay import Mode, Relay
from tests.waiting import until


class Server:
    """Answers each request with `done`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        with suppress(OSError):
            while request := await reader.read(1000):
                self.asked.append(request)
                writer.write(b"done")
        writer.close()
        self.open -= 1


@asynccontextmanager
async def relayed() -> AsyncIterator[tuple[Relay, Server]]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    relay = Relay(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    try:
        async with relay.listening():
            yield relay, server
    finally:
        listening.close()
        await until(lambda: not server.open)


async def ask(relay: Relay) -> bytes:
    """Ask once, and return what is answered before the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(relay.url.rpartition(":")[2]))
    writer.write(b"do it")
    try:
        return await reader.read(1000)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_what_does_not_go_wrong_passes_both_ways_and_is_seen():
    seen: list[bytes] = []
    other: list[bytes] = []
    async with relayed() as (relay, server):
        with relay.watched(seen.append):
            with relay.watched(other.append):
                assert await ask(relay) == b"done"
            assert await ask(relay) == b"done"
        assert await ask(relay) == b"done"
    assert (server.asked, relay.hit) == ([b"do it"] * 3, 0)
    assert (seen, other) == ([b"do it"] * 2, [b"do it"])


@pytest.mark.parametrize(
    ("mode", "answer", "asked"),
    [("cut", b"", 0), ("mute", b"", 1), ("busy", b"HTTP/1.1 503 ", 0), ("deny", b"HTTP/1.1 403 ", 0)],
)
async def test_a_request_goes_wrong_for_as_long_as_the_context_lasts(mode: Mode, answer: bytes, asked: int):
    async with relayed() as (relay, server):
        async with relay.going_wrong(mode):
            assert (await ask(relay))[:13] == answer
            assert relay.hit == 1
        assert len(server.asked) == asked
        assert await ask(relay) == b"done"


async def test_a_server_that_is_away_is_a_connection_that_ends():
    relay = Relay("http://127.0.0.1:9")
    async with relay.listening():
        assert await ask(relay) == b""
