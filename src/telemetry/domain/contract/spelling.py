"""How a record is spelled: as the line that the raw store keeps, and as the line that a vehicle sends."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from telemetry.domain.contract import moment
from telemetry.domain.contract.message import FAULTS, Record, Spelled, why
from telemetry.domain.contract.moment import instant


class _Line(Spelled, frozen=True, gc=False):
    """A record as the raw store spells it."""

    ingest_received_at: str


_decode_line: Final = msgspec.json.Decoder(_Line).decode
_encode_lines: Final = msgspec.json.Encoder().encode_lines

_receipt: Final = lru_cache(maxsize=16)(instant)  # the records of a body were received at one moment


def encode(records: Iterable[Record]) -> bytes:
    """Spell records as the lines of the raw store, each ended by a newline."""
    return _encode_lines(
        [
            _Line(
                instant(each.timestamp), each.vehicle_id, each.can_id, each.payload, _receipt(each.received)
            )
            for each in records
        ]
    )


def encode_request(records: Iterable[Record]) -> bytes:
    """Spell records as newline-delimited JSON to be sent to a receiver, which sets the time of receipt itself."""
    return _encode_lines(
        [Spelled(instant(each.timestamp), each.vehicle_id, each.can_id, each.payload) for each in records]
    )


def decode(line: bytes | memoryview) -> Record:
    """Read a line of the raw store back. Raises ValueError if it is none."""
    try:
        read = _decode_line(line)
        return Record(
            moment.read(read.timestamp),
            read.vehicle_id,
            read.can_id,
            read.payload,
            moment.read(read.ingest_received_at),
        )
    except FAULTS as error:
        raise ValueError(why(error)) from error
