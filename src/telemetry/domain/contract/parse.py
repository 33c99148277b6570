"""From the bytes of a body to records and rejections: one bad record never costs its neighbours.

Two parsers. `bulk` checks all records at once, which is fast, and is enough for a body without a fault. Only
where it refuses are the records looked at one by one here, and `blame` names what is wrong with each.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from telemetry.domain.contract import blame, bulk, signals
from telemetry.domain.contract.blame import FAULTS, UNDECODABLE
from telemetry.domain.contract.checks import canonical_can_id, checked_timestamp, checked_vehicle_id
from telemetry.domain.contract.moment import epoch_ms
from telemetry.domain.contract.record import Parsed, Record, Rejection, RequestRecord
from telemetry.domain.errors import TelemetryError

_decode_one: Final = msgspec.json.Decoder(RequestRecord).decode
_decode_array: Final = msgspec.json.Decoder(list[RequestRecord]).decode
_decode_lines: Final = msgspec.json.Decoder(RequestRecord).decode_lines
_split_one: Final = msgspec.json.Decoder(msgspec.Raw).decode
_split_array: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_starts_array: Final = re.compile(rb"[ \t\r\n]*\[").match


class MalformedBodyError(TelemetryError, ValueError):
    """The bytes are not JSON at all, so that no record in them can be named."""


def parse_json(body: bytes, received_ms: int) -> Parsed:
    """Read one JSON object, or a JSON array of them, received at `received_ms`.

    Raise MalformedBodyError if the body is not JSON.
    """
    is_array = bool(_starts_array(body))
    with suppress(*FAULTS):
        return Parsed(bulk.parse_json(body, received_ms, is_array=is_array), [])
    try:
        try:
            sent = _decode_array(body) if is_array else [_decode_one(body)]
        except msgspec.ValidationError:
            raw = _split_array(body) if is_array else [_split_one(body)]
            return _sort(map(_decode_or_blame, raw), received_ms)
    except UNDECODABLE as error:
        raise MalformedBodyError(blame.reason(error)) from error
    return _sort(sent, received_ms)


def parse_lines(body: bytes, received_ms: int) -> Parsed:
    """Read newline-delimited JSON. A line that is not JSON is rejected alone, and blank lines do not count.

    Raise MalformedBodyError if there is no line at all.
    """
    with suppress(*FAULTS):
        if records := bulk.parse_lines(body, received_ms):
            return Parsed(records, [])
    try:
        sent: Sequence[RequestRecord | str] = _decode_lines(body)
    except UNDECODABLE:
        sent = [_decode_or_blame(line) for line in body.split(b"\n") if line.strip()]
    if not sent:
        raise MalformedBodyError("The body holds no line.")
    return _sort(sent, received_ms)


def _sort(sent: Iterable[RequestRecord | str], received_ms: int) -> Parsed:
    """Part valid records from rejections; a text in the place of a record is the reason of its rejection."""
    parsed = Parsed([], [])
    for index, item in enumerate(sent):
        if isinstance(item, str):
            parsed.rejected.append(Rejection(index, item))
            continue
        try:
            parsed.records.append(_accept(item, received_ms))
        except ValueError as error:
            parsed.rejected.append(Rejection(index, blame.reason(error)))
    return parsed


def _accept(sent: RequestRecord, received_ms: int) -> Record:
    """Check what a type cannot say. Raise ValueError naming the field."""
    signals.check(sent.payload)
    return Record(
        checked_timestamp(epoch_ms(sent.timestamp)),
        checked_vehicle_id(sent.vehicle_id),
        canonical_can_id(sent.can_id),
        sent.payload,
        received_ms,
    )


def _decode_or_blame(record: bytes | msgspec.Raw) -> RequestRecord | str:
    try:
        return _decode_one(record)
    except UNDECODABLE as error:
        return blame.field_reason(record, error)
