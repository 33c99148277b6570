"""The types of data contract v1: a record, what may be sent as one, and what a receiver answers.

Each limit of the contract stands here once. The parsers check it, and the OpenAPI document is made from these
types.
"""

import re
from collections.abc import Sequence
from string import ascii_letters, digits
from typing import Annotated, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from telemetry.domain.contract import signals

LONGEST_VEHICLE_ID: Final = 64
VEHICLE_ID_BYTES: Final = f"{ascii_letters}{digits}._:-".encode()
VEHICLE_ID: Final = re.compile(rf"[A-Za-z0-9._:-]{{1,{LONGEST_VEHICLE_ID}}}")
CAN_ID: Final = re.compile(r"0x[0-9A-Fa-f]{1,8}")
HIGHEST_CAN_ID: Final = 0x1FFFFFFF  # an extended CAN identifier has 29 bits (ISO 11898-1)

Timestamp: TypeAlias = Annotated[
    str,
    Meta(
        description="When the vehicle measured: RFC 3339 with an offset. It is cut to the millisecond.",
        extra_json_schema={"format": "date-time"},
    ),
]
VehicleId: TypeAlias = Annotated[
    str, Meta(max_length=LONGEST_VEHICLE_ID, extra_json_schema={"pattern": f"^{VEHICLE_ID.pattern}$"})
]
CanId: TypeAlias = Annotated[
    str,
    Meta(
        max_length=len("0x12345678"),
        description=f"At most 0x{HIGHEST_CAN_ID:X}: an extended CAN identifier has 29 bits.",
        extra_json_schema={"pattern": "^0x[01]?[0-9A-Fa-f]{1,7}$"},  # the highest is in it too
    ),
]
SignalName: TypeAlias = Annotated[
    str, Meta(max_length=signals.MAX_NAME, extra_json_schema={"pattern": f"^{signals.NAME.pattern}$"})
]
Payload: TypeAlias = Annotated[
    dict[SignalName, float | None],
    Meta(
        min_length=1,
        max_length=signals.MAX_SIGNALS,
        description="Signals by name, in %, V, A and degC. A `_min` may not exceed its `_max`. "
        "A signal that is null is not available: it is left out, and one at least has a value.",
        extra_json_schema={
            "properties": {
                name: {
                    "type": ["number", "null"],
                    "minimum": low,
                    "maximum": high,
                    "description": f"In {unit}.",
                }
                for name, (low, high, unit) in signals.KNOWN.items()
            }
        },
    ),
]

EXAMPLE: Final = {
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
"""One record as a vehicle sends it."""


class RequestRecord(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One v1 record as a client sends it. Current is negative when the battery discharges."""

    timestamp: Timestamp
    vehicle_id: VehicleId
    can_id: CanId
    payload: Payload
    # It is not decoded, because whatever it is would be made for nothing.
    ingest_received_at: Annotated[msgspec.Raw, Meta(description="Ignored: the receiver sets it.")] = (
        msgspec.field(default_factory=msgspec.Raw)
    )


class JsonRecord(msgspec.Struct, frozen=True, gc=False):
    """A record with the types that JSON has: nothing in it is checked that costs time."""

    timestamp: str
    vehicle_id: str
    can_id: str
    payload: dict[str, float]


class Record(msgspec.Struct, frozen=True, gc=False):
    """One valid v1 record. Times are milliseconds since 1970-01-01 UTC."""

    timestamp_ms: int
    vehicle_id: str
    can_id: str
    payload: dict[str, float]
    received_ms: int = 0


class Rejection(msgspec.Struct, frozen=True):
    """One record that was not taken: its place in the body (from 0), and what to change."""

    index: Annotated[int, Meta(ge=0)]
    error: str


class Answer(msgspec.Struct, frozen=True):
    """What a receiver answers: how many records are durable, and why each of the others was not taken."""

    accepted: Annotated[int, Meta(ge=0, description="How many records are durable.")]
    rejected: Annotated[
        Sequence[Rejection],
        Meta(
            description="In the order of the body. Where an answer would be too long, the reason of a rejection is "
            "`left out`; where even that is too long, the last entry says how many more were rejected."
        ),
    ]


class Parsed(NamedTuple):
    """The valid records of one body, and the rejections of all others.

    `unavailable` counts the signals that were null and are left out of the records.
    """

    records: list[Record]
    rejected: list[Rejection]
    unavailable: int = 0
