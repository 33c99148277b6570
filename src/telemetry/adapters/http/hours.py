"""How hours stand, over HTTP: a line for each, or all that is known of one, each with an ETag."""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any, Final

import msgspec
from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from litestar.status_codes import HTTP_304_NOT_MODIFIED

from telemetry.adapters.http.intake import Desk
from telemetry.domain.contract.moment import Hour, epoch_ms, hour_of
from telemetry.domain.figures.report import Line, Report

PATH: Final = "/hours"
OF_ONE: Final = "/hours/{hour:str}"

MOST: Final = 744
"""Hours that are listed at the most: those of a long month."""

_DAY: Final = 24
_PATTERN: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}$"
_HOUR: Final = PathParameter(pattern=_PATTERN, description="An hour of UTC, for example 2025-10-19T14.")
_FROM: Final = QueryParameter(name="from", required=False, pattern=_PATTERN, description="The first hour.")
_TO: Final = QueryParameter(name="to", required=False, pattern=_PATTERN, description="The last hour.")
_KNOWN: Final = HeaderParameter(
    name="If-None-Match",
    required=False,
    description="The ETag of an answer that the client has; 304 if it is the same.",
)
_UNCHANGED: Final = {
    HTTP_304_NOT_MODIFIED: ResponseSpec(None, description="The answer is the one whose ETag was sent.")
}


class Lines(msgspec.Struct, frozen=True):
    """The hours of a span that have certified figures, the earliest first."""

    hours: list[Line]


@get(
    PATH,
    summary="How hours stand",
    description=f"Those of the last day, or from `from` to `to`; of more than {MOST} the last ones.",
    operation_id="hours",
    tags=["figures"],
    response_description="A line an hour.",
    responses=_UNCHANGED,
)
async def list_hours(
    desk: NamedDependency[Desk],
    first: Annotated[str | None, _FROM] = None,
    last: Annotated[str | None, _TO] = None,
    known: Annotated[str | None, _KNOWN] = None,
) -> Response[Lines]:
    end = _hour(last) if last else max(hour_of(desk.clock.wall_ms()), _hour(first) if first else 0)
    begin = _hour(first) if first else end - _DAY + 1
    hours = [Hour(each) for each in range(max(begin, end - MOST + 1), end + 1)]
    return _answer(known, Lines([line async for line in desk.hours.lines(hours)]))


@get(
    OF_ONE,
    summary="All that is known of an hour",
    description="Its certificate, the history of its revisions, its vehicles with gaps, and those that are absent.",
    operation_id="hour",
    tags=["figures"],
    response_description="The report of the hour.",
    responses=_UNCHANGED,
)
async def show_hour(
    desk: NamedDependency[Desk],
    hour: Annotated[str, _HOUR],
    known: Annotated[str | None, _KNOWN] = None,
) -> Response[Report]:
    report = await desk.hours.report(_hour(hour))
    if report is None:
        raise NotFoundException(f"The hour {hour} has no certified figures.")
    return _answer(known, report)


def _hour(text: str) -> Hour:
    """Read an hour. Raise NotFoundException if the calendar has none like it."""
    try:
        return hour_of(epoch_ms(datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)))
    except ValueError:
        raise NotFoundException(f"There is no hour {text}.") from None


def _answer(known: str | None, answer: Lines | Report) -> Response[Any]:
    """Answer with an ETag, and without a body if the client has the same."""
    body = msgspec.json.encode(answer)
    etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if etag in (each.strip().removeprefix("W/") for each in (known or "").split(",")):
        return Response(None, status_code=HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(body, media_type=MediaType.JSON, headers=headers)
