"""A record as JSON: the line that the raw store keeps, and the line that a vehicle sends."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from telemetry.domain.contract import blame
from telemetry.domain.contract.moment import format_timestamp, parse_timestamp
from telemetry.domain.contract.record import JsonRecord, Record


class StoredRecord(JsonRecord, frozen=True, gc=False):
    """A record in the raw store."""

    ingest_received_at: str


_decoder: Final = msgspec.json.Decoder(StoredRecord)
_decode: Final = _decoder.decode
_encode: Final = msgspec.json.Encoder().encode_lines

_received_at: Final = lru_cache(maxsize=16)(
    format_timestamp
)  # all records of a body were received at one moment


def encode_lines(records: Iterable[Record]) -> bytes:
    """Encode records as lines of the raw store, each ended by a newline."""
    return _encode(
        [
            StoredRecord(
                format_timestamp(each.timestamp_ms),
                each.vehicle_id,
                each.can_id,
                each.payload,
                _received_at(each.received_ms),
            )
            for each in records
        ]
    )


def encode_request(records: Iterable[Record]) -> bytes:
    """Encode records as newline-delimited JSON for a receiver, which sets the time of receipt itself."""
    return _encode(
        [
            JsonRecord(format_timestamp(each.timestamp_ms), each.vehicle_id, each.can_id, each.payload)
            for each in records
        ]
    )


def decode_stored(lines: bytes) -> list[StoredRecord]:
    """Decode lines of the raw store as they are. Raise one of `blame.FAULTS` if there is no record in one."""
    return _decoder.decode_lines(lines)


def decode_line(line: bytes | memoryview) -> Record:
    """Decode a line of the raw store. Raise ValueError if it is none."""
    try:
        stored = _decode(line)
        return Record(
            parse_timestamp(stored.timestamp),
            stored.vehicle_id,
            stored.can_id,
            stored.payload,
            parse_timestamp(stored.ingest_received_at),
        )
    except blame.FAULTS as error:
        raise ValueError(blame.reason(error)) from error
