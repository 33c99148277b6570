"""The first parser: all records of a body at once.

It refuses the whole body without saying where the fault is.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from telemetry.domain.contract import moment, signals
from telemetry.domain.contract.checks import canonical_can_id, check_vehicle_ids
from telemetry.domain.contract.record import JsonRecord, Record

_NOTHING: Final = msgspec.Raw()


class _StrictRecord(JsonRecord, frozen=True, gc=False, forbid_unknown_fields=True):
    """The fields that `RequestRecord` has."""

    ingest_received_at: msgspec.Raw = _NOTHING


_decode_one: Final = msgspec.json.Decoder(_StrictRecord).decode
_decode_array: Final = msgspec.json.Decoder(list[_StrictRecord]).decode
_decode_lines: Final = msgspec.json.Decoder(_StrictRecord).decode_lines


def parse_object(body: bytes, received_ms: int) -> list[Record]:
    """Read a JSON object. Raise one of `blame.FAULTS` if it is at fault."""
    return _accept([_decode_one(body)], received_ms)


def parse_array(body: bytes, received_ms: int) -> list[Record]:
    """Read a JSON array. Raise one of `blame.FAULTS` if any record in it is at fault."""
    return _accept(_decode_array(body), received_ms)


def parse_lines(body: bytes, received_ms: int) -> list[Record]:
    """Read newline-delimited JSON. Raise one of `blame.FAULTS` if any record in it is at fault."""
    return _accept(_decode_lines(body), received_ms)


def _accept(sent: Sequence[_StrictRecord], received_ms: int) -> list[Record]:
    if not sent:
        return []
    signals.check_all([each.payload for each in sent])
    check_vehicle_ids([each.vehicle_id for each in sent])
    return [
        Record(
            moment.parse_timestamp(each.timestamp),
            each.vehicle_id,
            canonical_can_id(each.can_id),
            each.payload,
            received_ms,
        )
        for each in sent
    ]
