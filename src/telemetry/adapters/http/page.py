"""The routes of the live page: itself or the form, the session, what it is sent, and what it asks for."""

from datetime import UTC, datetime
from html import escape
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import parse_qs

from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.exceptions import (
    HTTPException,
    NotFoundException,
    PermissionDeniedException,
    ServiceUnavailableException,
)
from litestar.params import PathParameter
from litestar.response import Redirect, ServerSentEvent
from litestar.status_codes import HTTP_303_SEE_OTHER
from litestar.types import ControllerRouterHandler

from telemetry.adapters.http.access import HEAD, is_loopback
from telemetry.adapters.http.dashboard import files
from telemetry.adapters.http.dashboard.feed import together
from telemetry.adapters.http.dashboard.files import FEED, HEADERS, PATH
from telemetry.adapters.http.intake import Desk
from telemetry.adapters.http.session import COOKIE, LASTS_S, is_same_site, is_secure, session_of
from telemetry.domain.contract.moment import Hour, epoch_ms, hour_of
from telemetry.domain.contract.record import VEHICLE_ID
from telemetry.domain.errors import OutOfReachError

SESSION: Final = f"{PATH}/session"

_LONGEST_FORM: Final = 4_096  # bytes
_HOUR: Final = PathParameter(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}$")
_VEHICLE: Final = PathParameter(pattern=f"^{VEHICLE_ID.pattern}$")
_CLOSED: Final = HEADERS | {"Cache-Control": "no-store"}
_AGAIN: Final = {"Retry-After": "5"}

_Request = Request[Any, Any, Any]


@get(PATH, include_in_schema=False)
async def index(request: _Request, desk: NamedDependency[Desk]) -> Response[bytes]:
    """Answer the page to who may see it, and the form to others."""
    if not desk.access.permits(request.scope):
        return _form()
    leave = "" if session_of(request.scope) else "hidden"
    return _html(files.page("page", leave=leave))


@post(SESSION, include_in_schema=False, request_max_body_size=_LONGEST_FORM)
async def sign_in(request: _Request, desk: NamedDependency[Desk]) -> Response[Any]:
    """Begin a session, or answer the form with what is wrong."""
    _check_site(request)
    fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=8)
    try:
        begun = desk.access.sessions.begin(fields.get("key", [""])[0], _address(request))
    except HTTPException as error:
        return _form(error.detail, HTTPStatus(error.status_code), error.headers)
    return _to_page(request, begun, LASTS_S)


@post(f"{SESSION}/end", include_in_schema=False, request_max_body_size=_LONGEST_FORM)
async def sign_out(request: _Request) -> Response[Any]:
    _check_site(request)
    return _to_page(request, "", 0)


@get(FEED, include_in_schema=False)
async def feed(request: _Request, desk: NamedDependency[Desk]) -> Response[Any]:
    if desk.feed.is_full:
        raise ServiceUnavailableException("There are too many viewers.", headers=_AGAIN)
    if request.scope["state"].get(HEAD):
        return Response(b"", media_type="text/event-stream", headers=_CLOSED)
    return ServerSentEvent(desk.feed.events(), headers=_CLOSED)


@get(f"{PATH}/parts", include_in_schema=False)
async def parts(request: _Request, desk: NamedDependency[Desk]) -> Response[bytes | None]:
    """Answer all parts at once, for viewers that get no events."""
    body, etag = together(await desk.feed.source.look())
    headers = _CLOSED | {"ETag": etag, "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == etag:
        return Response(None, status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, media_type=MediaType.JSON, headers=headers)


@get(f"{PATH}/hours/{{hour:str}}", include_in_schema=False)
async def detail(desk: NamedDependency[Desk], hour: Annotated[str, _HOUR]) -> Response[bytes]:
    try:
        found = await desk.feed.source.detail(_hour(hour))
    except OutOfReachError as error:
        raise ServiceUnavailableException(str(error), headers=_AGAIN) from error
    if found is None:
        raise NotFoundException(f"The hour {hour} has no certified figures.")
    return Response(found, media_type=MediaType.JSON, headers=_CLOSED)


@get(f"{PATH}/hours/{{hour:str}}/vehicles/{{vehicle_id:str}}", include_in_schema=False)
async def course(
    desk: NamedDependency[Desk], hour: Annotated[str, _HOUR], vehicle_id: Annotated[str, _VEHICLE]
) -> Response[bytes]:
    try:
        found = await desk.feed.source.course(vehicle_id, _hour(hour))
    except OutOfReachError as error:
        raise ServiceUnavailableException(str(error), headers=_AGAIN) from error
    return Response(found, media_type=MediaType.JSON, headers=_CLOSED)


HANDLERS: Final[list[ControllerRouterHandler]] = [
    index,
    sign_in,
    sign_out,
    feed,
    parts,
    detail,
    course,
    files.asset,
]


def _hour(text: str) -> Hour:
    """Read an hour. Raise NotFoundException if the calendar has none like it."""
    try:
        return hour_of(epoch_ms(datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)))
    except ValueError:
        raise NotFoundException(f"There is no hour {text}.") from None


def _check_site(request: _Request) -> None:
    """Raise PermissionDeniedException for a form that another site sends in the name of its visitor."""
    if not is_same_site(request.scope):
        raise PermissionDeniedException("This form was sent from another site.")


def _address(request: _Request) -> str:
    """Return who types a key: the client of a proxy on this machine as that names it, else who connected."""
    address = request.client.host if request.client else ""
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return forwarded if forwarded and is_loopback(address) else address


def _to_page(request: _Request, value: str, max_age: int) -> Response[Any]:
    cookie = Cookie(
        key=COOKIE,
        value=value,
        path=PATH,
        max_age=max_age,
        httponly=True,
        samesite="strict",
        secure=is_secure(request.scope),
    )
    return Redirect(PATH, status_code=HTTP_303_SEE_OTHER, cookies=[cookie], headers=_CLOSED)


def _form(
    why: str = "", status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> Response[bytes]:
    # Nobody is asked for a key by the browser itself, which a challenge would make it do.
    extra = {name: value for name, value in (headers or {}).items() if name == "Retry-After"}
    return _html(files.page("sign-in", why=escape(why), session=SESSION), status, extra)


def _html(
    content: bytes, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> Response[bytes]:
    return Response(content, media_type=MediaType.HTML, status_code=status, headers=_CLOSED | (headers or {}))
