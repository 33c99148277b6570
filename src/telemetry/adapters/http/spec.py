"""What the OpenAPI page says of the body of `POST /ingest`, which Litestar does not read by a type."""

from dataclasses import dataclass
from typing import Final

from litestar.openapi.spec import (
    Components,
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)

from telemetry.adapters.http.auth import HEADER
from telemetry.domain import signals

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

COMPONENTS: Final = Components(
    schemas={"Record": _RECORD},
    security_schemes={KEY: SecurityScheme(type="apiKey", name=HEADER, security_scheme_in="header")},
)


@dataclass
class IngestOperation(Operation):
    """`POST /ingest` with the body that it reads by itself."""

    def __post_init__(self) -> None:
        self.request_body = _BODY
