"""The OpenAPI document of `POST /ingest`, which Litestar cannot derive from the types of a handler.

msgspec makes the schemas from the types of the data contract.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from litestar.openapi.spec import (
    Components,
    OpenAPI,
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

_REF: Final = "#/components/schemas/{name}"
_CONTRACT: Final = (RequestRecord, Answer)


@dataclass
class _MadeSchema(Schema):
    """A schema that is given as one document, and not field by field."""

    document: Mapping[str, Any] = field(default_factory=dict)

    def to_schema(self) -> dict[str, Any]:
        return dict(self.document)


def add_to(document: OpenAPI, path: str) -> None:
    """Add the description of `path`, and the schemas of the contract, to the document that Litestar made."""
    _, schemas = msgspec.json.schema_components(_CONTRACT, ref_template=_REF)
    schemas[RequestRecord.__name__] |= {"examples": [EXAMPLE]}
    document.components.schemas |= {name: _MadeSchema(document=schema) for name, schema in schemas.items()}
    document.paths = {path: _INGEST, **(document.paths or {})}


def _response(description: str, media_type: str, schema: str) -> OpenAPIResponse:
    body = OpenAPIMediaType(schema=Reference(ref=_REF.format(name=schema)))
    return OpenAPIResponse(description=description, content={media_type: body})


def _answer(description: str) -> OpenAPIResponse:
    return _response(description, "application/json", Answer.__name__)


def _refusal(description: str) -> OpenAPIResponse:
    return _response(description, "application/problem+json", "Problem")


_ONE: Final = Reference(ref=_REF.format(name=RequestRecord.__name__))
_BODY: Final = RequestBody(
    description="One record, an array of them, or one a line. `Content-Encoding` may be `gzip` or `zstd`.",
    required=True,
    content={
        "application/json": OpenAPIMediaType(
            schema=Schema(one_of=[_ONE, Schema(type=OpenAPIType.ARRAY, items=_ONE)])
        ),
        "application/x-ndjson": OpenAPIMediaType(schema=_ONE),
    },
)

COMPONENTS: Final = Components(
    security_schemes={KEY: SecurityScheme(type="apiKey", name=HEADER, security_scheme_in="header")},
)

_INGEST: Final = PathItem(
    post=Operation(
        operation_id="ingest",
        summary="Send records",
        description="Answered once every accepted record is durable. What is rejected is named by index and reason.",
        security=[{KEY: []}],
        request_body=_BODY,
        responses={
            "202": _answer("The records that were accepted are durable."),
            "400": _refusal("The body is not JSON, or not what its encoding says."),
            "401": _refusal("The key is missing or not known."),
            "403": _refusal("The key may not send for one of the vehicles; nothing was taken."),
            "413": _refusal("The body is too large, as it came or decompressed."),
            "415": _refusal("The media type or the encoding is not known."),
            "422": _answer("None of the records is valid."),
            "429": _refusal("The key is over its rate; come back after `Retry-After` seconds."),
            "503": _refusal("The queue is unavailable or full; come back after `Retry-After` seconds."),
        },
    )
)
