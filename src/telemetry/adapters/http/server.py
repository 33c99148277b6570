"""The one door to uvicorn: it serves an application over connections that are bounded in size and time.

By itself uvicorn reads a request head of any size, waits for ever for its end, and takes a request to upgrade
for the end of HTTP. The protocol here bounds the head (its bytes, its lines, its URL) before it is held. It
closes connections that make no progress. And it goes on in HTTP/1.1 where an upgrade is asked for (RFC 9110,
section 7.8).
"""

import logging
import math
import resource
import socket
import sys
from asyncio import TimerHandle
from http import HTTPStatus
from itertools import chain
from typing import Any, Final

import httptools
import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from telemetry.adapters.http.dashboard import files
from telemetry.adapters.http.limits import ConnectionLimits
from telemetry.domain.throttle import Throttle

_log: Final = logging.getLogger(__name__)
_throttle: Final = Throttle()

_STARTUP_FAILURE: Final = 3  # uvicorn's own exit status
_SPARE_FILES: Final = 64  # descriptors that the process needs beside its connections
_OF_UPGRADES: Final = frozenset({b"upgrade", b"http2-settings"})


class Config(uvicorn.Config):
    """uvicorn's configuration, which carries the limits to each worker."""

    limits: ConnectionLimits


class _RefusedError(Exception):
    """A head is over a limit."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    What came that is neither a whole head nor of a body is bounded in bytes: a head that is not whole yet, a
    trailer, an extension of a chunk. A timer looks a few times in the shortest timeout at when there was
    progress, so that a request sets no timer of its own.
    """

    config: Config
    _timer: TimerHandle | None = None
    _since_s = 0.0  # when what is under way began, or last made progress
    _in_head = False
    _pending = 0  # bytes that are neither a whole head nor of a body
    _offered = 0  # bytes that a head which is whole now may have at the most

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  # of the kind that the loop makes
        super().connection_made(transport)
        limits = self.config.limits
        if peer := transport.get_extra_info("socket"):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._since_s = self.loop.time()
        self._look_every_s = min(limits.head_timeout_s, limits.body_timeout_s, limits.keep_alive_s) / 4
        if len(self.connections) > limits.connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "There are too many connections.", "retry-after: 1")
            return
        self._timer = self.loop.call_later(self._look_every_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._in_head:
            self._since_s = self.loop.time()  # a head has its time from its first byte on
            self._in_head = self._awaits_head()
        self._pending += len(data)
        self._offered = self._pending
        self._feed(data)
        if self._pending > self.config.limits.head:
            self._refuse_head()

    def on_headers_complete(self) -> None:
        limits = self.config.limits
        if (
            len(self.headers) > limits.headers
            or len(self.url) > limits.url
            # The bytes of a head are only added up where there are so many.
            or (self._offered > limits.head and sum(map(len, chain(*self.headers))) > limits.head)
        ):
            raise _RefusedError
        self._in_head = False
        self._pending = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._pending = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Do what uvicorn does, but for its timer: `_look` closes what is idle."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._since_s = self.loop.time()
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)

    def shutdown(self) -> None:
        """Do what uvicorn does, but wait for no answer that has no end."""
        if self.cycle and not self.cycle.response_complete and self.scope["path"] == files.FEED:
            self.transport.close()
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _should_upgrade(self) -> bool:
        """Have uvicorn leave a request to upgrade alone, which is read again: see `_go_on`."""
        return True

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, _RefusedError):
                self._refuse_head()
            else:
                self._refuse(HTTPStatus.BAD_REQUEST, "It is no HTTP request.")

    def _go_on(self, rest: bytes) -> None:
        """Read the head again without what it says of an upgrade, and then what follows it."""
        if self.parser.get_method() == b"CONNECT":
            self._refuse(HTTPStatus.NOT_IMPLEMENTED, "This is no proxy.")
            return
        lines = [b" ".join((self.parser.get_method(), self.url, b"HTTP/1.1"))]
        for name, value in self.headers:
            if name == b"connection":
                tokens = [token.strip() for token in value.split(b",")]
                value = b", ".join(token for token in tokens if token.lower() not in _OF_UPGRADES)  # noqa: PLW2901
            if value and name not in _OF_UPGRADES:
                lines.append(name + b": " + value)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._feed(b"\r\n".join([*lines, b"", rest]))

    def _awaits_head(self) -> bool:
        """Return whether the next byte is the first of a request."""
        return self.cycle is None or not self.cycle.more_body

    def _look(self) -> None:
        """Close the connection if it made no progress in time."""
        if self.transport.is_closing():
            return
        if self.loop.time() < self._since_s + self._patience_s():
            self._timer = self.loop.call_later(self._look_every_s, self._look)
        elif self._in_head or not self._awaits_head():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request did not come whole in time.")
        else:
            self.transport.close()

    def _patience_s(self) -> float:
        """Return for how long what is under way may make no progress."""
        limits = self.config.limits
        if self._in_head or self.cycle is None:
            return limits.head_timeout_s
        if self.cycle.more_body:
            return limits.body_timeout_s
        return limits.keep_alive_s if self.cycle.response_complete else math.inf  # the receiver's turn

    def _refuse_head(self) -> None:
        limits = self.config.limits
        if len(self.url) > limits.url:
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG, f"A URL has at most {limits.url} bytes.")
        else:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"The head of a request has at most {limits.head} bytes and {limits.headers} lines.",
            )

    def _refuse(self, status: HTTPStatus, detail: str, *headers: str) -> None:
        """Answer with problem details (RFC 9457) and close."""
        if self.transport.is_closing():
            return
        body = msgspec.json.encode({"status": int(status), "title": status.phrase, "detail": detail})
        lines = [
            f"HTTP/1.1 {int(status)} {status.phrase}",
            "content-type: application/problem+json",
            f"content-length: {len(body)}",
            "connection: close",
            *headers,
        ]
        if count := _throttle.admit(status, self.loop.time()):
            _log.warning("Connections refused: %d with %d: %s", count, status, detail)
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        self.transport.close()


def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. End the process with status 3 if it cannot be started."""
    server = uvicorn.Server(config)
    if config.workers > 1:
        Multiprocess(config, sockets=[config.bind_socket()]).run()
        return
    server.run()
    if not server.started:
        sys.exit(_STARTUP_FAILURE)


def configure(app: Any, bind: tuple[str, int], limits: ConnectionLimits, workers: int, stop_s: int) -> Config:  # noqa: ANN401  # an application, or where its factory is: `module:name`
    """Make the configuration of a server; a stop waits up to `stop_s` for requests under way.

    There are never more connections than the process may have files.
    """
    host, port = bind
    config = Config(
        app,
        factory=isinstance(app, str),
        host=host,
        port=port,
        workers=workers,
        http=BoundedProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here asks who the client is; its key says it
        timeout_graceful_shutdown=stop_s,
    )
    config.limits = msgspec.structs.replace(limits, connections=min(limits.connections, _files()))
    return config


def _files() -> int:
    """Raise the limit of open files as far as it may be; return how many of them may be connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else max(1, hard - _SPARE_FILES)
