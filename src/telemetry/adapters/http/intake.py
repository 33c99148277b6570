"""`POST /ingest` as a bare ASGI application: one body in, one answer out, and no other work.

It stands before Litestar, which only turns what it raises into problem details. No request object, no
arguments and no response object are made, because together they would cost more than a record does.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec
from litestar.enums import ScopeType
from litestar.exceptions import (
    ClientException,
    MethodNotAllowedException,
    TooManyRequestsException,
)
from litestar.types import Receive, Scope, Send
from litestar.utils import normalize_path

from telemetry.adapters.http import reasons
from telemetry.adapters.http.access import Access
from telemetry.adapters.http.auth import Caller, Headers, Keyring, caller_of
from telemetry.adapters.http.dashboard.feed import Feed
from telemetry.adapters.http.health import LastSend, Probe
from telemetry.adapters.http.metrics import Metrics
from telemetry.domain.clock import Clock
from telemetry.domain.contract import compression, parse
from telemetry.domain.contract.answer import bounded
from telemetry.domain.contract.record import Answer, Parsed
from telemetry.domain.figures.report import Hours
from telemetry.domain.transport.ingest import Ingest, NotPermittedError
from telemetry.domain.transport.queue import QueueUnavailableError

PATH: Final = "/ingest"

_Parser = Callable[[bytes, int, int], Parsed]

_PARSERS: Final[dict[str, _Parser]] = {
    "application/json": parse.parse_json,
    "application/x-ndjson": parse.parse_lines,
}
_LONGEST_ANSWER: Final = 1_000_000  # bytes
_A_DAY_S: Final = 86_400

SENDER: Final = "sender"
"""Where the state of a request that failed has the name of its key."""

_encode: Final = msgspec.json.Encoder().encode


class Buffer:
    """Counts the bytes of bodies that arrive, and bounds them together with what waits for the queue.

    `held` is what it has counted.
    """

    def __init__(self, limit: int, waiting: Callable[[], int]) -> None:
        self._limit = limit
        self._waiting = waiting
        self.held = 0

    def take(self, size: int) -> None:
        """Count bytes that arrived. Raise QueueUnavailableError if there are more than may be held."""
        self.held += size
        if self.held + self._waiting() > self._limit:
            raise QueueUnavailableError("More is waiting for the queue than may wait (INGEST_MAX_WAITING).")

    def give_back(self, size: int) -> None:
        """Count bytes that are held no more."""
        self.held -= size


class Desk(msgspec.Struct, frozen=True):
    """What a request needs to be served.

    A body has at most `max_body` bytes, as sent and decompressed. `on_rejected` is called with the name of a
    key and with how many of its records were rejected, by reason.
    """

    ingest: Ingest
    keyring: Keyring
    clock: Clock
    metrics: Metrics
    max_body: int
    max_records: int
    buffer: Buffer
    last_send: LastSend
    probe: Probe
    access: Access
    on_rejected: Callable[[str, Mapping[str, int]], None]
    hours: Hours
    feed: Feed


def is_meant(scope: Scope) -> bool:
    """Return whether a request is for `/ingest`, in whatever way its path is written."""
    return normalize_path(scope["path"]) == PATH


async def take(desk: Desk, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request, once all of its accepted records are durable."""
    if scope["type"] == ScopeType.WEBSOCKET or scope["method"] != "POST":
        raise MethodNotAllowedException(f"Send records to {PATH} by POST.", headers={"Allow": "POST"})
    started_s = desk.clock.monotonic_s()
    headers = dict(scope["headers"])
    if started_s >= desk.keyring.look_at_s:
        desk.keyring.look()
    caller = caller_of(headers, desk.keyring, desk.clock)
    try:
        parsed, answer = await _serve(desk, caller, scope, headers, receive)
    except Exception:
        scope["state"][SENDER] = caller.name
        raise
    desk.metrics.taken(answer.accepted, len(parsed.rejected), desk.clock.monotonic_s() - started_s)
    if parsed.rejected:
        counts = reasons.count(parsed.rejected)
        desk.metrics.rejected(counts)
        desk.on_rejected(caller.name, counts)
    status = 422 if answer.rejected and not answer.accepted else 202
    desk.metrics.answered(status)
    await _send(send, status, answer)


async def _serve(
    desk: Desk, caller: Caller, scope: Scope, headers: Headers, receive: Receive
) -> tuple[Parsed, Answer]:
    """Read a body, make its valid records durable, and charge for all unless that fails."""
    _check_rate(caller, desk.clock)
    parser = _parser(headers)
    _check_length(_text(headers, b"content-length"), desk.max_body)
    body = await _body(receive, desk.max_body, desk.buffer)
    _check_rate(caller, desk.clock)  # others with this key may have been faster meanwhile
    if b"content-encoding" in headers:
        body = _decoded(body, scope["headers"], desk.max_body)
    parsed = parser(body, desk.clock.wall_ms(), desk.max_records)
    charged_s = _charge(caller, parsed, desk.clock) if caller.rate else 0.0
    try:
        answer = await desk.ingest.accept(parsed, caller.permits)
    except Exception as error:
        caller.refund(charged_s)
        if not isinstance(error, NotPermittedError):
            desk.last_send.failed_s = desk.clock.monotonic_s()
        raise
    if parsed.records:
        desk.last_send.failed_s = None
    return parsed, answer


def _charge(caller: Caller, parsed: Parsed, clock: Clock) -> float:
    return caller.charge(len(parsed.records) + len(parsed.rejected), clock.monotonic_s())


async def _send(send: Send, status: int, answer: Answer) -> None:
    body = _encode(bounded(answer, _LONGEST_ANSWER) if answer.rejected else answer)
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _check_rate(caller: Caller, clock: Clock) -> None:
    """Raise TooManyRequestsException if the caller is over its rate."""
    if caller.rate and (wait_s := caller.wait_s(clock.monotonic_s())):
        raise TooManyRequestsException(
            "This key has sent more records than its rate allows.",
            headers={"Retry-After": str(min(math.ceil(wait_s), _A_DAY_S))},
        )


def _parser(headers: Headers) -> _Parser:
    """Return the parser for the media type. Raise ClientException if there is none."""
    kind = _text(headers, b"content-type").partition(";")[0].strip().lower()
    if not (parser := _PARSERS.get(kind)):
        raise ClientException(f"Content-Type is one of {', '.join(_PARSERS)}, not {kind!r}.", status_code=415)
    return parser


def _check_length(text: str, limit: int) -> None:
    """Raise TooLargeError if a body is announced that is too large, before its sender is asked to go on."""
    if text.isdecimal() and int(text) > limit:
        raise _too_large(limit)


async def _body(receive: Receive, limit: int, buffer: Buffer) -> bytes:
    """Read a body as it comes.

    Raise TooLargeError beyond the limit, ClientException if the sender closed the connection before the end,
    QueueUnavailableError if the bodies of all senders together are too large.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        while True:
            event = await receive()
            if event["type"] != "http.request":
                raise ClientException("The body did not come whole.")
            piece = event["body"]
            pieces.append(piece)
            size += len(piece)
            buffer.take(len(piece))
            if size > limit:
                raise _too_large(limit)
            if not event["more_body"]:
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    finally:
        buffer.give_back(size)


def _too_large(limit: int) -> compression.TooLargeError:
    return compression.TooLargeError(f"The body has more than {limit} bytes.")


def _decoded(body: bytes, headers: Iterable[tuple[bytes, bytes]], limit: int) -> bytes:
    """Undo the encodings of a body.

    Raise TooLargeError beyond the limit, ClientException if an encoding is not known or not that of the body.
    """
    encodings = [value.decode("latin-1") for name, value in headers if name == b"content-encoding"]
    try:
        return compression.undo(body, encodings, limit)
    except compression.TooLargeError:
        raise
    except compression.UnknownCodingError as error:
        raise ClientException(str(error), status_code=415) from error
    except ValueError as error:
        raise ClientException(f"The body is not what Content-Encoding says: {error}") from error


def _text(headers: Headers, name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")
