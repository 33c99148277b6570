"""The receiver over HTTP: reads a body, hands it to ingest, and says what became of each record."""

import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from litestar import Litestar, MediaType, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import (
    ClientException,
    HTTPException,
    InternalServerException,
    NotAuthorizedException,
    TooManyRequestsException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, ScalarRenderPlugin, YamlRenderPlugin
from litestar.types import Message, Scope

from telemetry.adapters.http import problem, spec
from telemetry.adapters.http.auth import HEADER, Caller, Keyring
from telemetry.adapters.http.metrics import CONTENT_TYPE, Metrics
from telemetry.domain import compression, message
from telemetry.domain.clock import Clock
from telemetry.domain.ingest import Ingest, NotPermittedError, Receipt
from telemetry.domain.lease import Depth
from telemetry.domain.message import Parsed

_PARSERS: Final[dict[str, Callable[[bytes, int], Parsed]]] = {
    "application/json": message.parse,
    "application/x-ndjson": message.parse_lines,
}
_ENCODINGS: Final[dict[str, compression.Encoding]] = {"gzip": "gzip", "zstd": "zstd"}

EXPECTED: Final = (HTTPException, compression.TooLargeError, message.MalformedBodyError, NotPermittedError)
"""What a sender does wrong; it is told, and nobody else need be."""


class Health(msgspec.Struct, frozen=True):
    """That the process lives."""

    status: str = "ok"


class Problem(msgspec.Struct, frozen=True):
    """Why a request was refused (RFC 9457)."""

    status: int
    title: str
    detail: str


class Desk(msgspec.Struct, frozen=True):
    """What a request is served with. `max_body` bytes bound a body both as it comes and decompressed."""

    ingest: Ingest
    keyring: Keyring
    clock: Clock
    metrics: Metrics
    max_body: int
    depth: Callable[[], Awaitable[Depth]]


Incoming = Request[Any, Any, State]


def _refusals(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(Problem, generate_examples=False, media_type="application/problem+json")
        for status in statuses
    }


@post(
    "/ingest",
    status_code=202,
    summary="Send records",
    description="Answered once every accepted record is durable. What is rejected is named by index and reason.",
    operation_id="ingest",
    operation_class=spec.IngestOperation,
    security=[{spec.KEY: []}],
    responses={
        **_refusals(400, 401, 403, 413, 415, 429, 503),
        422: ResponseSpec(Receipt, generate_examples=False, description="None of the records is valid."),
    },
)
async def ingest(request: Incoming, desk: NamedDependency[Desk]) -> Response[Receipt]:
    started = desk.clock.monotonic()
    caller = _caller(request, desk, started)
    parse = _parser(request)
    body = _decoded(
        await _body(request, desk.max_body), request.headers.get("content-encoding", ""), desk.max_body
    )
    parsed = parse(body, desk.clock.wall())
    caller.spend(len(parsed.records))
    receipt = await desk.ingest(parsed, caller.permits)
    desk.metrics.taken(receipt.accepted, len(receipt.rejected), desk.clock.monotonic() - started)
    return Response(receipt, status_code=202 if receipt.accepted else 422)


@get("/health/live", summary="Whether the process lives", operation_id="live")
async def live() -> Health:
    return Health()


@get(
    "/health/ready",
    summary="Whether the queue can be reached",
    operation_id="ready",
    responses=_refusals(503),
)
async def ready(desk: NamedDependency[Desk]) -> Depth:
    return await desk.depth()


@get("/metrics", summary="Counters for Prometheus", operation_id="metrics", media_type=MediaType.TEXT)
async def metrics(desk: NamedDependency[Desk]) -> Response[bytes]:
    return Response(desk.metrics.render(), media_type=CONTENT_TYPE)


def create_app(desk: Desk, version: str, on_error: Callable[[Exception, Scope], Awaitable[None]]) -> Litestar:
    """Make the application; `on_error` is told of every exception that answered a request."""

    async def count(event: Message, scope: Scope) -> None:
        if event["type"] == "http.response.start" and scope["path"] == "/ingest":
            desk.metrics.answered(event["status"])

    return Litestar(
        route_handlers=[ingest, live, ready, metrics],
        dependencies={"desk": Provide(lambda: desk, use_cache=True, sync_to_thread=False)},
        plugins=[problem.PLUGIN],
        request_max_body_size=desk.max_body,
        before_send=[count],
        after_exception=[on_error],
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="telemetry receiver",
            version=version,
            path="/docs",
            components=spec.COMPONENTS,
            render_plugins=[
                ScalarRenderPlugin(path="/"),
                JsonRenderPlugin(path="/openapi.json"),
                YamlRenderPlugin(path="/openapi.yaml"),
            ],
        ),
    )


def _caller(request: Incoming, desk: Desk, now: float) -> Caller:
    """Find who sends. Raises for a key that is missing or unknown, and for one that has used up its rate."""
    key = request.headers.get(HEADER, "")
    if not (caller := desk.keyring.find(key)):
        raise NotAuthorizedException(
            f"The key in {HEADER} is not known." if key else f"Send your key in the header {HEADER}.",
            headers={"WWW-Authenticate": f'ApiKey header="{HEADER}"'},
        )
    if wait := caller.wait(now):
        raise TooManyRequestsException(
            "This key has sent more records than its rate allows.",
            headers={"Retry-After": str(math.ceil(wait))},
        )
    return caller


def _parser(request: Incoming) -> Callable[[bytes, int], Parsed]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not (parse := _PARSERS.get(kind)):
        raise ClientException(f"Content-Type is one of {', '.join(_PARSERS)}, not {kind!r}.", status_code=415)
    return parse


async def _body(request: Incoming, limit: int) -> bytes:
    """Read a body as it comes. Raises for one that is over the limit, and for one whose sender hung up."""
    try:
        return await request.body()
    except RequestEntityTooLarge as error:
        raise compression.TooLargeError(f"The body has more than {limit} bytes.") from error
    except InternalServerException as error:
        raise ClientException("The body did not come whole.") from error


def _decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo the encoding of a body. Raises TooLargeError while it swells beyond the limit."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if not (known := _ENCODINGS.get(encoding)):
        raise ClientException(f"Content-Encoding is gzip or zstd, not {encoding!r}.", status_code=415)
    try:
        return compression.swell(body, known, limit)
    except compression.TooLargeError:
        raise
    except ValueError as error:
        raise ClientException(f"The body is not what Content-Encoding says: {error}") from error
