"""A connection is bounded in its head and in its time without progress, and no upgrade is followed."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import uvicorn

from telemetry.adapters.http.limits import ConnectionLimits
from telemetry.adapters.http.server import configure

LIMITS = ConnectionLimits(
    head=2_000, headers=10, url=300, head_timeout_s=30, body_timeout_s=30, keep_alive_s=30, connections=20
)
POST = b"POST /ingest?x=1 HTTP/1.1\r\nHost: h\r\n"
NEVER_S = 30.0  # no test waits as long


async def echo(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Answer with what was asked for."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        event = await receive()
        if event["type"] != "http.request":
            return
        body += event["body"]
        more = event["more_body"]
    said = {
        "method": scope["method"],
        "path": scope["path"],
        "body": body.decode(),
        "headers": [name.decode() for name, _ in scope["headers"]],
    }
    content = json.dumps(said).encode()
    headers = [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@asynccontextmanager
async def served(**limits: float) -> AsyncIterator[int]:
    """Serve `echo` with other limits than usual; yield the port."""
    config = configure(echo, ("127.0.0.1", 0), msgspec.structs.replace(LIMITS, **limits), workers=1, stop_s=1)
    config.lifespan = "off"
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started:
        await asyncio.sleep(0)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


class Client:
    """A plain connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, Any]]:
        """Read one answer: its status and its body."""
        async with asyncio.timeout(NEVER_S):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            return int(head[9:12]), json.loads(await self._reader.readexactly(length))

    async def is_closed(self) -> bool:
        async with asyncio.timeout(NEVER_S):
            try:
                return await self._reader.read(1) == b""
            except ConnectionError:
                return True

    async def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield client
    finally:
        await client.close()


async def test_requests_follow_each_other_on_one_connection():
    async with served() as port, connected(port) as client:
        for body in (b"one", b"other"):
            await client.send(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            status, said = await client.answer()
            assert (status, said["method"], said["path"], said["body"]) == (
                200,
                "POST",
                "/ingest",
                body.decode(),
            )


async def test_pipelined_requests_are_answered_in_their_order():
    async with served() as port, connected(port) as client:
        await client.send(b"".join(POST + b"Content-Length: 1\r\n\r\n%d" % n for n in range(5)))
        assert [(await client.answer())[1]["body"] for _ in range(5)] == list("01234")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ([POST, b"X: " + b"x" * 3_000 + b"\r\n\r\n"], 431),
        ([POST, *[b"X-%d: x\r\n" % n for n in range(12)], b"\r\n"], 431),
        ([b"GET /" + b"u" * 400 + b" HTTP/1.1\r\nHost: h\r\n\r\n"], 414),
        ([b"GET / HTTP/1.1\r\nHost: h\r\nA" + b"a" * 3_000], 431),
        ([b"nonsense\r\n\r\n"], 400),
        ([b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"], 501),
    ],
    ids=["value", "lines", "url", "name", "nonsense", "proxy"],
)
async def test_a_head_over_a_limit_is_refused_as_problem_details_and_closed(head, status):
    async with served() as port, connected(port) as client:
        await client.send(*head)
        found, problem = await client.answer()
        assert (found, problem["status"]) == (status, status)
        assert problem["detail"]
        assert await client.is_closed()


async def test_a_head_that_never_ends_is_refused_at_its_limit_and_not_held():
    async with served() as port, connected(port) as client:
        endless = [POST + b"X: ", *[b"x" * 65_536] * 10_000]  # 640 MB, if nobody stopped it
        with pytest.raises(ConnectionError):
            await client.send(*endless)


CHUNKS = POST + b"Transfer-Encoding: chunked\r\n\r\n4"


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (CHUNKS + b"\r\nbody\r\n0\r\nX: ", b"x" * 65_536),
        (CHUNKS + b"\r\nbody\r\n0\r\n", b"X: x\r\n" * 10_000),
        (CHUNKS + b";a=", b"a" * 65_536),
    ],
    ids=["trailer", "trailers", "extension of a chunk"],
)
async def test_what_never_ends_after_a_head_is_refused_at_its_limit_and_not_held(begin, piece):
    async with served() as port, connected(port) as client:
        with pytest.raises(ConnectionError):
            await client.send(begin, *[piece] * 10_000)


async def test_a_body_of_many_chunks_may_be_longer_than_a_head():
    async with served() as port, connected(port) as client:
        await client.send(CHUNKS + b"\r\nbody\r\n", *[b"1\r\nx\r\n"] * 2_000, b"0\r\n\r\n")
        status, said = await client.answer()
        assert (status, len(said["body"])) == (200, 2_004)


async def test_a_head_that_follows_a_large_body_in_one_piece_is_taken():
    body = b"x" * 20_000
    request = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    async with served() as port, connected(port) as client:
        await client.send(request + request)
        assert [len((await client.answer())[1]["body"]) for _ in range(2)] == [len(body)] * 2


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"", None), (POST, 408), (POST + b"Content-Length: 9\r\n\r\nhalf", 408)],
    ids=["nothing", "half a head", "half a body"],
)
async def test_a_connection_without_progress_is_closed(sent, status):
    async with served(head_timeout_s=0.1, body_timeout_s=0.1) as port, connected(port) as client:
        await client.send(sent)
        if status:
            assert (await client.answer())[0] == status
        assert await client.is_closed()


async def test_an_idle_connection_is_closed_after_its_time():
    async with served(keep_alive_s=0.1) as port, connected(port) as client:
        await client.send(POST + b"Content-Length: 1\r\n\r\nx")
        assert (await client.answer())[0] == 200
        assert await client.is_closed()


async def test_a_body_that_makes_progress_may_take_longer_than_the_timeout():
    async with served(body_timeout_s=1.0) as port, connected(port) as client:
        loop = asyncio.get_running_loop()
        await client.send(POST + b"Content-Length: 1000000\r\n\r\n")
        ends, sent = loop.time() + 1.5, 0
        while loop.time() < ends:
            await client.send(b"x" * 100)
            sent += 100
            await asyncio.sleep(0.05)
        await client.send(b"x" * (1_000_000 - sent))
        assert (await client.answer())[0] == 200


async def test_beyond_the_number_of_connections_one_is_answered_503():
    async with served(connections=1) as port, connected(port) as first:
        await first.send(POST + b"Content-Length: 1\r\n\r\nx")
        assert (await first.answer())[0] == 200
        async with connected(port) as second:
            assert (await second.answer())[0] == 503
            assert await second.is_closed()
        await first.send(POST + b"Content-Length: 1\r\n\r\nx")
        assert (await first.answer())[0] == 200


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
H2C = b"Connection: Upgrade, HTTP2-Settings, keep-alive\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"


@pytest.mark.parametrize("body", [b"Content-Length: 4\r\n\r\nbody", CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize(
    "upgrade", [H2C, b"Connection: upgrade\r\nUpgrade: websocket\r\n"], ids=["h2c", "ws"]
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_request_to_upgrade_goes_on_in_http_1(upgrade, body, size):
    async with served() as port, connected(port) as client:
        request = POST + upgrade + body
        for _ in range(2):
            await client.send(*(request[start : start + size] for start in range(0, len(request), size)))
            status, said = await client.answer()
            assert (status, said["body"]) == (200, "body")
            assert "upgrade" not in said["headers"]
