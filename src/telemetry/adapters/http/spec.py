"""The OpenAPI document: `POST /ingest`, which Litestar cannot derive from a handler, and all refusals.

msgspec makes the schemas from the types of the data contract.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPI,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    PathItem,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)

from telemetry.adapters.http.auth import HEADER
from telemetry.domain.contract.record import EXAMPLE, Answer, RequestRecord

KEY: Final = "ApiKey"
"""The name of the security scheme."""

RECORD: Final = "Record"
"""The name of the schema of a record: what a client calls it."""

DESCRIPTION: Final = (
    "It takes the battery telemetry of vehicles, and answers once it cannot be lost any more.\n\n"
    "Every refusal is `application/problem+json` (RFC 9457), on every path: 404 where there is nothing, and 405 "
    "with `Allow` for a method that a path does not take. This document is at `/docs/openapi.json` and "
    "`/docs/openapi.yaml`, and as a page at `/docs`."
)

_REF: Final = "#/components/schemas/{name}"
_MOST_RETRY_AFTER_S: Final = 24 * 3600


class Problem(msgspec.Struct, frozen=True):
    """Why a request was refused (RFC 9457)."""

    status: int
    title: str
    detail: str


_CONTRACT: Final = (RequestRecord, Answer, Problem)


@dataclass
class _MadeSchema(Schema):
    """A schema that is given as one document, and not field by field."""

    document: Mapping[str, Any] = field(default_factory=dict)

    def to_schema(self) -> dict[str, Any]:
        return dict(self.document)


def add_to(document: OpenAPI, path: str) -> None:
    """Add the description of `path`, refusals and the schemas of the contract to the document of Litestar."""
    _, schemas = msgspec.json.schema_components(_CONTRACT, ref_template=_REF)
    schemas[RECORD] = schemas.pop(RequestRecord.__name__) | {"title": RECORD, "examples": [EXAMPLE]}
    made = {name: _MadeSchema(document=schema) for name, schema in schemas.items()}
    document.components.schemas = {**(document.components.schemas or {}), **made}
    derived = document.paths or {}
    for each, refusals in _REFUSALS.items():
        if (item := derived.get(each)) and item.get:
            item.get.responses = {**(item.get.responses or {}), **refusals}
            if "404" in refusals and isinstance(answer := item.get.responses["200"], OpenAPIResponse):
                answer.headers = {"ETag": _ETAG}
    document.paths = {path: _INGEST, **derived}


def _reference(name: str) -> Reference:
    return Reference(ref=_REF.format(name=name))


def _answer(description: str, **examples: Example) -> OpenAPIResponse:
    body = OpenAPIMediaType(schema=_reference(Answer.__name__), examples=dict(examples))
    return OpenAPIResponse(description=description, content={"application/json": body})


def _refusal(example: Problem, description: str, **headers: OpenAPIHeader) -> OpenAPIResponse:
    """Describe problem details, with one example; a header is given with `_` in the place of `-`."""
    body = OpenAPIMediaType(schema=_reference(Problem.__name__), example=msgspec.to_builtins(example))
    return OpenAPIResponse(
        description=description,
        headers={name.replace("_", "-"): header for name, header in headers.items()} or None,
        content={"application/problem+json": body},
    )


_ONE: Final = _reference(RECORD)
_ANOTHER: Final = EXAMPLE | {
    "timestamp": "2025-10-19T12:34:56.323Z",
    "payload": {"battery_soc": 85.4, "battery_current": -14.9},
}
_LINES: Final = "".join(f"{msgspec.json.encode(each).decode()}\n" for each in (EXAMPLE, _ANOTHER))

_BODY: Final = RequestBody(
    description="One record, an array of records, or one record a line. `Content-Encoding` may be `gzip` or `zstd`.",
    required=True,
    content={
        "application/json": OpenAPIMediaType(
            schema=Schema(one_of=[_ONE, Schema(type=OpenAPIType.ARRAY, items=_ONE)]),
            examples={
                "one": Example(summary="One record", value=EXAMPLE),
                "array": Example(summary="An array of records", value=[EXAMPLE, _ANOTHER]),
            },
        ),
        "application/x-ndjson": OpenAPIMediaType(
            schema=Schema(
                type=OpenAPIType.STRING,
                description=f"One record a line, each of the schema `{RECORD}`.",
                content_media_type="application/x-ndjson",
            ),
            examples={"lines": Example(summary="One record a line", value=_LINES)},
        ),
    },
)

COMPONENTS: Final = Components(
    security_schemes={
        KEY: SecurityScheme(
            type="apiKey",
            name=HEADER,
            security_scheme_in="header",
            description="A key that the operator of the receiver gave out.",
        )
    },
)

_RETRY_AFTER: Final = OpenAPIHeader(
    schema=Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=_MOST_RETRY_AFTER_S),
    description="In how many seconds to send again.",
    required=True,
    example=1,
)
_AUTHENTICATE: Final = OpenAPIHeader(
    schema=Schema(type=OpenAPIType.STRING),
    description="The header that carries a key.",
    required=True,
    example=f'ApiKey header="{HEADER}"',
)

_FAILED: Final = _refusal(
    Problem(
        500, "Internal Server Error", "It failed for a reason that is in the receiver's log. Send it again."
    ),
    "It failed for a reason that is in the receiver's log.",
)
_UNAVAILABLE: Final = _refusal(
    Problem(503, "Service Unavailable", "The queue cannot take it now. Send it again."),
    "The queue is unavailable or full. Send the whole body again.",
    Retry_After=_RETRY_AFTER,
)

_ETAG: Final = OpenAPIHeader(
    schema=Schema(type=OpenAPIType.STRING), description="It changes with the answer.", required=True
)
_NO_KEY: Final = _refusal(
    Problem(401, "Unauthorized", f"Send your key in the header {HEADER}."),
    "The client is not of this machine, and its key is missing or not known.",
    WWW_Authenticate=_AUTHENTICATE,
)
_BAD_HOUR: Final = _refusal(
    Problem(400, "Bad Request", "Validation failed for GET /hours"),
    "An hour is not written like 2025-10-19T14.",
)
_NO_HOUR: Final = _refusal(
    Problem(404, "Not Found", "The hour 2025-10-19T14 has no certified figures."),
    "There is no such hour, or it has no certified figures.",
)
_UNREADABLE: Final = _refusal(
    Problem(503, "Service Unavailable", "The store cannot be read now. Ask again."),
    "The store cannot be read.",
    Retry_After=_RETRY_AFTER,
)

_REFUSALS: Final[Mapping[str, Mapping[str, OpenAPIResponse]]] = {
    "/health/live": {"500": _FAILED},
    "/health/ready": {"500": _FAILED, "503": _UNAVAILABLE},
    "/metrics": {"500": _FAILED},
    "/hours": {"400": _BAD_HOUR, "401": _NO_KEY, "404": _NO_HOUR, "500": _FAILED, "503": _UNREADABLE},
    "/hours/{hour}": {"400": _BAD_HOUR, "401": _NO_KEY, "404": _NO_HOUR, "500": _FAILED, "503": _UNREADABLE},
}
"""How the paths that Litestar describes are refused."""

_INGEST: Final = PathItem(
    post=Operation(
        tags=["records"],
        operation_id="ingest",
        summary="Send records",
        description="Answered once every accepted record is durable. What is rejected is named by index and reason.",
        security=[{KEY: []}],
        request_body=_BODY,
        responses={
            "202": _answer(
                "The records that were accepted are durable.",
                all=Example(summary="All were accepted", value={"accepted": 2, "rejected": []}),
                some=Example(
                    summary="One was rejected",
                    value={
                        "accepted": 1,
                        "rejected": [{"index": 1, "error": "payload.battery_soc: 101 is outside 0 to 100 %"}],
                    },
                ),
            ),
            "400": _refusal(
                Problem(400, "Bad Request", "The body is not JSON: Input data was truncated"),
                "The body is not JSON, or not what its encoding says. Nothing was taken.",
            ),
            "401": _refusal(
                Problem(401, "Unauthorized", f"Send your key in the header {HEADER}."),
                "The key is missing or not known.",
                WWW_Authenticate=_AUTHENTICATE,
            ),
            "403": _refusal(
                Problem(403, "Forbidden", "This key may not send for vehicle veh-00123."),
                "The key may not send for one of the vehicles. Nothing was taken.",
            ),
            "408": _refusal(
                Problem(408, "Request Timeout", "The request did not come whole in time."),
                "The request made no progress. The connection is closed.",
            ),
            "413": _refusal(
                Problem(413, "Content Too Large", "The body has more than 10000000 bytes."),
                "The body is too large, as it came or decompressed, or holds too many records. Nothing was taken.",
            ),
            "414": _refusal(
                Problem(414, "URI Too Long", "A URL has at most 8192 bytes."),
                "The URL is too long. The connection is closed.",
            ),
            "415": _refusal(
                Problem(
                    415,
                    "Unsupported Media Type",
                    "Content-Type is one of application/json, application/x-ndjson, not 'text/plain'.",
                ),
                "The media type or the encoding is not known.",
            ),
            "422": _answer(
                "None of the records is valid.",
                none=Example(
                    summary="The only record was rejected",
                    value={
                        "accepted": 0,
                        "rejected": [{"index": 0, "error": "payload.battery_soc: 101 is outside 0 to 100 %"}],
                    },
                ),
            ),
            "429": _refusal(
                Problem(429, "Too Many Requests", "This key has sent more records than its rate allows."),
                "The key is over its rate. Nothing was taken.",
                Retry_After=_RETRY_AFTER,
            ),
            "431": _refusal(
                Problem(
                    431,
                    "Request Header Fields Too Large",
                    "The head of a request has at most 32768 bytes and 100 lines.",
                ),
                "The head of the request is too large. The connection is closed.",
            ),
            "500": _FAILED,
            "503": _UNAVAILABLE,
        },
    )
)
