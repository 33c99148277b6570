"""A relay between a client and a server of this machine, on which connections go wrong when they should."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, Literal
from urllib.parse import urlsplit

Mode = Literal["pass", "cut", "mute", "busy", "deny"]
"""What becomes of a request: it passes, is cut off, is done but not answered, or gets 503 or 403."""

_ANSWERS: Final = {
    "busy": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "deny": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
}
_CHUNK: Final = 256 * 1024  # bytes that are passed on at once


class Relay:
    """Passes connections on to the server at `address`. `hit` counts what did not just pass."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self.url = ""
        self.hit = 0
        self.mode: Mode = "pass"
        self._watchers: list[Callable[[bytes], None]] = []
        self._open: dict[asyncio.StreamWriter, asyncio.Event] = {}

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen on a port of its own while the context lasts; at its end no connection is left."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.close()
            for writer, ended in list(self._open.items()):
                writer.transport.abort()
                await ended.wait()

    @asynccontextmanager
    async def going_wrong(self, mode: Mode) -> AsyncIterator[None]:
        """Treat requests in another way while the context lasts."""
        self.mode = mode
        try:
            yield
        finally:
            self.mode = "pass"

    @contextmanager
    def watched(self, watcher: Callable[[bytes], None]) -> Iterator[None]:
        """Show each piece of a request to a watcher while the context lasts."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = ended = asyncio.Event()
        try:
            with suppress(OSError):
                there, back = await asyncio.open_connection(self._host, self._port)
                try:
                    await self._both(reader, writer, there, back)
                finally:
                    back.transport.abort()
        finally:
            writer.transport.abort()
            del self._open[writer]
            ended.set()

    async def _both(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        """Pass on both ways until one side ends, or the connection goes wrong."""
        ways = [
            asyncio.create_task(self._requests(reader, writer, back)),
            asyncio.create_task(self._answers(there, writer)),
        ]
        _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in left:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            for watcher in self._watchers:
                watcher(chunk)
            if self.mode not in {"pass", "mute"}:
                self.hit += 1
                if answer := _ANSWERS.get(self.mode):
                    writer.write(answer)
                    await writer.drain()
                    await asyncio.sleep(0.05)  # so that it arrives before the connection is aborted
                return
            back.write(chunk)
            await back.drain()

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await there.read(_CHUNK):
            if self.mode == "mute":
                self.hit += 1
                return
            writer.write(chunk)
            await writer.drain()
