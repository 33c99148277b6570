"""From the bytes of a body to records and rejections: one bad record never costs its neighbours.

Two parsers. `bulk` checks all records at once, which is fast, and is enough for a body without a fault. Only
where it refuses are the records looked at one by one here, and `blame` names what is wrong with each. Where
something is not JSON, `elements` finds out where each record begins and ends.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from telemetry.domain.contract import blame, bulk, elements, signals
from telemetry.domain.contract.blame import FAULTS, UNDECODABLE
from telemetry.domain.contract.checks import canonical_can_id, checked_timestamp, checked_vehicle_id
from telemetry.domain.contract.elements import Element, TooManyRecordsError
from telemetry.domain.contract.record import Parsed, Record, Rejection, RequestRecord
from telemetry.domain.errors import TelemetryError

MAX_RECORDS: Final = 10_000
"""Records that a body may hold, if the caller does not say otherwise."""

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""What may stand before a body, and is ignored (RFC 8259, section 8.1)."""

_SHORTEST_RECORD: Final = len(
    '{"timestamp":"2025-10-19T12:34:56Z","vehicle_id":"v","can_id":"0x0","payload":{"a":0}}'
)

_SEVERAL: Final = 2
_ONE_A_LINE: Final = "one record a line is application/x-ndjson, and a line of it is not JSON"

_decode_one: Final = msgspec.json.Decoder(RequestRecord).decode
_decode_array: Final = msgspec.json.Decoder(list[RequestRecord]).decode
_decode_lines: Final = msgspec.json.Decoder(RequestRecord).decode_lines
_raw: Final = msgspec.json.Decoder(msgspec.Raw).decode
_starts_array: Final = re.compile(rb"[ \t\r\n]*\[").match


class MalformedBodyError(TelemetryError, ValueError):
    """The bytes are not JSON at all, so that no record in them can be named. None of them was taken."""


def parse_json(body: bytes, received_ms: int, max_records: int = MAX_RECORDS) -> Parsed:
    """Read one JSON object, an array of them, or one a line, received at `received_ms`.

    Raise MalformedBodyError if the body is not JSON, TooManyRecordsError if it holds more than `max_records`.
    """
    body = body.removeprefix(BYTE_ORDER_MARK)
    if not _starts_array(body):
        return _parse_object(body, received_ms, max_records)
    if not _may_exceed(max_records, body):
        with suppress(*FAULTS):
            return Parsed(bulk.parse_array(body, received_ms), [])
        with suppress(*UNDECODABLE):
            return _sort(_decode_array(body), received_ms)
    try:
        return _sort(map(_decode_or_blame, elements.of_array(body, max_records)), received_ms)
    except UNDECODABLE as error:
        raise MalformedBodyError(blame.reason(error)) from error


def parse_lines(body: bytes, received_ms: int, max_records: int = MAX_RECORDS) -> Parsed:
    """Read newline-delimited JSON. A line that is not JSON is rejected alone, and blank lines do not count.

    A record may be written over several lines. Raise TooManyRecordsError if the body holds more than
    `max_records`.
    """
    body = body.removeprefix(BYTE_ORDER_MARK)
    if not _may_exceed(max_records, body):
        with suppress(*FAULTS):
            return Parsed(bulk.parse_lines(body, received_ms), [])
        with suppress(*UNDECODABLE):
            return _sort(_decode_lines(body), received_ms)
    return _sort(_decode_or_blame_lines(elements.of_lines(body, max_records), max_records), received_ms)


def _may_exceed(max_records: int, body: bytes) -> bool:
    """Return whether a body may hold too many records; a valid one has two opening braces."""
    return len(body) > max_records * _SHORTEST_RECORD and body.count(b"{") > 2 * max_records


def _parse_object(body: bytes, received_ms: int, max_records: int) -> Parsed:
    with suppress(*FAULTS):
        return Parsed(bulk.parse_object(body, received_ms), [])
    try:
        try:
            sent: RequestRecord | str = _decode_one(body)
        except msgspec.ValidationError as error:
            sent = blame.field_reason(_raw(body), error)
    except UNDECODABLE as error:
        return _parse_lines_sent_as_json(body, received_ms, max_records, error)
    return _sort([sent], received_ms)


def _parse_lines_sent_as_json(body: bytes, received_ms: int, max_records: int, fault: Exception) -> Parsed:
    """Read what is not one JSON object, as `fault` says, but may be several, each on its line."""
    is_lines = elements.is_object(body.lstrip().partition(b"\n")[0])
    lines = elements.of_lines(body, max_records) if is_lines else []
    if len(lines) < _SEVERAL:
        raise MalformedBodyError(blame.reason(fault)) from fault
    if not all(map(elements.is_object, lines)):
        raise MalformedBodyError(f"{_ONE_A_LINE}: {blame.reason(fault)}") from fault
    return parse_lines(body, received_ms, max_records)


def _sort(sent: Iterable[RequestRecord | str], received_ms: int) -> Parsed:
    """Part valid records from rejections; a text in the place of a record is the reason of its rejection."""
    records: list[Record] = []
    rejected: list[Rejection] = []
    unavailable = 0
    for index, item in enumerate(sent):
        if isinstance(item, str):
            rejected.append(Rejection(index, item))
            continue
        try:
            record = _accept(item, received_ms)
        except ValueError as error:
            rejected.append(Rejection(index, blame.reason(error)))
        else:
            records.append(record)
            unavailable += len(item.payload) - len(record.payload)
    return Parsed(records, rejected, unavailable)


def _accept(sent: RequestRecord, received_ms: int) -> Record:
    """Check what a type cannot say. Raise ValueError naming the field."""
    timestamp_ms = checked_timestamp(sent.timestamp)
    payload = {name: value for name, value in sent.payload.items() if value is not None}
    if len(payload) < len(sent.payload):
        signals.check_names(sent.payload)
    if not payload:
        raise ValueError("payload: each signal is null, and at least one needs a value")
    signals.check(payload)
    return Record(
        timestamp_ms,
        checked_vehicle_id(sent.vehicle_id),
        canonical_can_id(sent.can_id),
        payload,
        received_ms,
    )


def _decode_or_blame(element: Element) -> RequestRecord | str:
    try:
        return _decode_one(element)
    except UNDECODABLE as error:
        return blame.field_reason(element, error)


def _decode_or_blame_lines(lines: Iterable[bytes], max_records: int) -> Iterator[RequestRecord | str]:
    count = 0
    for line in lines:
        sent = _decode_or_blame_line(line, max_records)
        count += len(sent)
        if count > max_records:
            raise TooManyRecordsError(max_records)
        yield from sent


def _decode_or_blame_line(line: bytes, max_records: int) -> Sequence[RequestRecord | str]:
    """Decode a line. It may hold several whole records, which `bulk` takes too."""
    one = _decode_or_blame(line)
    if isinstance(one, str) and not _may_exceed(max_records, line):
        with suppress(*UNDECODABLE):
            return _decode_lines(line)
    return [one]
