"""What the OpenAPI page says of `POST /ingest`, which is no handler that Litestar could describe by its types."""

from typing import Final

from litestar.openapi.spec import (
    Components,
    OpenAPIFormat,
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
from telemetry.domain.contract import signals

KEY: Final = "ApiKey"
"""The name of the security scheme."""

_NUMBER: Final = Schema(type=OpenAPIType.NUMBER)
_EXAMPLE: Final = {
    "timestamp": "2025-10-19T12:34:56.123Z",
    "vehicle_id": "veh-00123",
    "can_id": "0x1F0",
    "payload": {
        "battery_soc": 85.5,
        "battery_voltage": 400.2,
        "battery_current": -15.3,
        "cell_voltage_min": 3.45,
        "cell_voltage_max": 3.67,
        "cell_temp_min": 28.5,
        "cell_temp_max": 31.2,
    },
}

_RECORD: Final = Schema(
    title="Record",
    description="One v1 message. Current is negative when the battery discharges.",
    type=OpenAPIType.OBJECT,
    required=["timestamp", "vehicle_id", "can_id", "payload"],
    additional_properties=False,
    examples=[_EXAMPLE],
    properties={
        "timestamp": Schema(
            type=OpenAPIType.STRING,
            format=OpenAPIFormat.DATE_TIME,
            description="When the vehicle measured, RFC 3339 with an offset; kept to the millisecond.",
        ),
        "vehicle_id": Schema(type=OpenAPIType.STRING, pattern=r"^[A-Za-z0-9._:-]{1,64}$"),
        "can_id": Schema(
            type=OpenAPIType.STRING,
            pattern=r"^0x[0-9A-Fa-f]{1,8}$",
            description="At most 0x1FFFFFFF: an extended CAN identifier has 29 bits.",
        ),
        "payload": Schema(
            type=OpenAPIType.OBJECT,
            description="Signals by name, in %, V, A and degC. A `_min` may not exceed its `_max`.",
            min_properties=1,
            max_properties=64,
            property_names=Schema(pattern=rf"^[a-z][a-z0-9_]{{0,{signals.MAX_NAME - 1}}}$"),
            additional_properties=_NUMBER,
            properties={
                name: Schema(type=OpenAPIType.NUMBER, minimum=low, maximum=high, description=f"In {unit}.")
                for name, (low, high, unit) in signals.KNOWN.items()
            },
        ),
        "ingest_received_at": Schema(description="Ignored: the receiver sets it."),
    },
)
_ONE: Final = Reference(ref="#/components/schemas/Record")
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

_RECEIPT: Final = Schema(
    type=OpenAPIType.OBJECT,
    title="Receipt",
    required=["accepted", "rejected"],
    properties={
        "accepted": Schema(type=OpenAPIType.INTEGER, description="How many records are durable."),
        "rejected": Schema(
            type=OpenAPIType.ARRAY,
            description="The records that were not taken: the place of each among those sent, and what to change.",
            items=Schema(
                type=OpenAPIType.OBJECT,
                required=["index", "error"],
                properties={
                    "index": Schema(type=OpenAPIType.INTEGER, minimum=0),
                    "error": Schema(type=OpenAPIType.STRING),
                },
            ),
        ),
    },
)


def _answer(description: str, kind: str, schema: str) -> OpenAPIResponse:
    body = OpenAPIMediaType(schema=Reference(ref=f"#/components/schemas/{schema}"))
    return OpenAPIResponse(description=description, content={kind: body})


def _receipt(description: str) -> OpenAPIResponse:
    return _answer(description, "application/json", "Receipt")


def _refusal(description: str) -> OpenAPIResponse:
    return _answer(description, "application/problem+json", "Problem")


COMPONENTS: Final = Components(
    schemas={"Record": _RECORD, "Receipt": _RECEIPT},
    security_schemes={KEY: SecurityScheme(type="apiKey", name=HEADER, security_scheme_in="header")},
)

INTAKE: Final = PathItem(
    post=Operation(
        operation_id="ingest",
        summary="Send records",
        description="Answered once every accepted record is durable. What is rejected is named by index and reason.",
        security=[{KEY: []}],
        request_body=_BODY,
        responses={
            "202": _receipt("The records that were accepted are durable."),
            "400": _refusal("The body is not JSON, or not what its encoding says."),
            "401": _refusal("The key is missing or not known."),
            "403": _refusal("The key may not send for one of the vehicles; nothing was taken."),
            "413": _refusal("The body is too large, as it came or decompressed."),
            "415": _refusal("The media type or the encoding is not known."),
            "422": _receipt("None of the records is valid."),
            "429": _refusal("The key is over its rate; come back after `Retry-After` seconds."),
            "503": _refusal("The queue is unavailable or full; come back after `Retry-After` seconds."),
        },
    )
)
"""What is served at `/ingest`."""
