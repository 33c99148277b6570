"""The receiver over HTTP: its routes, and their OpenAPI description."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from litestar import Litestar, MediaType, Request, Response, asgi, get
from litestar.di import NamedDependency, Provide
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import License
from litestar.types import ASGIApp, Receive, Scope, Send

from telemetry.adapters.http import docs, hours, intake, page, problem, spec
from telemetry.adapters.http.access import guarded
from telemetry.adapters.http.dashboard import files
from telemetry.adapters.http.health import Health, Readiness
from telemetry.adapters.http.intake import Desk
from telemetry.domain.contract.compression import TooLargeError
from telemetry.domain.contract.elements import TooManyRecordsError
from telemetry.domain.contract.parse import MalformedBodyError
from telemetry.domain.transport.ingest import NotPermittedError

EXPECTED: Final = (
    HTTPException,
    MalformedBodyError,
    NotPermittedError,
    TooLargeError,
    TooManyRecordsError,
)
"""Faults of a sender; the answer names them, so that the log need not."""

_FAILURE: Final = "failure"
"""Where the state of a request has what it failed of before the application saw it."""


@get(
    "/health/live",
    summary="Whether the process lives",
    operation_id="live",
    tags=["operations"],
    response_description="It does.",
)
async def live() -> Health:
    return Health("ok")


@get(
    "/health/ready",
    summary="Whether records can be taken",
    description="How much waits in the queue is for clients that may see `/metrics`; others get the status.",
    operation_id="ready",
    tags=["operations"],
    response_description="It can; what it holds.",
)
async def ready(request: Request[Any, Any, Any], desk: NamedDependency[Desk]) -> Readiness | Health:
    return await desk.probe.readiness(in_detail=desk.access.permits(request.scope)) or Health("ok")


@get(
    "/metrics",
    summary="Counters for Prometheus",
    operation_id="metrics",
    media_type=MediaType.TEXT,
    tags=["operations"],
    response_description="Counters in the text format of Prometheus.",
)
async def metrics(desk: NamedDependency[Desk]) -> Response[bytes]:
    desk.metrics.holds(*await desk.probe.waiting())
    return Response(desk.metrics.render(), media_type=desk.metrics.content_type)


@get("/", include_in_schema=False)
async def index() -> Mapping[str, str]:
    """Say what there is, to who came by a browser or by chance."""
    return {
        "ingest": intake.PATH,
        "documentation": "/docs",
        "live": "/health/live",
        "ready": "/health/ready",
        "metrics": "/metrics",
        "hours": hours.PATH,
        "dashboard": files.PATH,
    }


def create_app(
    desk: Desk,
    version: str,
    on_error: Callable[[Exception, Scope], Awaitable[None]],
    lifespan: Callable[[Litestar], AbstractAsyncContextManager[None]],
) -> Litestar:
    """Make the application.

    `on_error` is called with every exception that answered a request. `lifespan` is entered before the first
    request and left after the last.
    """

    @asgi(intake.PATH, copy_scope=False)
    async def ingest(scope: Scope, receive: Receive, send: Send) -> None:
        if failure := scope["state"].get(_FAILURE):
            raise failure
        await intake.take(desk, scope, receive, send)

    async def failed(error: Exception, scope: Scope) -> None:
        if intake.is_meant(scope):
            desk.metrics.answered(problem.of(error).status_code)
        await on_error(error, scope)

    app = Litestar(
        route_handlers=[
            ingest,
            index,
            live,
            ready,
            metrics,
            hours.list_hours,
            hours.show_hour,
            *page.HANDLERS,
        ],
        dependencies={"desk": Provide(lambda: desk, use_cache=True, sync_to_thread=False)},
        plugins=[problem.PLUGIN],
        after_exception=[failed],
        lifespan=[lifespan],
        logging_config=None,
        openapi_config=_openapi_config(version),
    )
    spec.add_to(app.openapi_schema, intake.PATH)
    app.asgi_handler = _straight(guarded(app.asgi_handler, desk.access), desk)
    return app


def _straight(inner: ASGIApp, desk: Desk) -> ASGIApp:
    """Return an application that lets `inner` see no POST to `/ingest`, unless it is to answer a failure."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["path"] == intake.PATH and scope["method"] == "POST":
            try:
                await intake.take(desk, scope, receive, send)
            except Exception as error:  # noqa: BLE001  # whatever it is, `inner` raises it again
                scope["state"][_FAILURE] = error
            else:
                return
        await inner(scope, receive, send)

    return handle


def _openapi_config(version: str) -> OpenAPIConfig:
    return OpenAPIConfig(
        title="telemetry receiver",
        version=version,
        description=spec.DESCRIPTION,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        components=spec.COMPONENTS,
        openapi_router=docs.router(),
        render_plugins=[
            docs.PagePlugin(),
            JsonRenderPlugin(path="/openapi.json"),
            YamlRenderPlugin(path="/openapi.yaml"),
        ],
    )
