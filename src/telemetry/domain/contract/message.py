"""Data contract v1: what a vehicle may send, and how it is told what was wrong with it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from string import ascii_letters, digits
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from telemetry.domain.contract import moment, signals
from telemetry.domain.contract.moment import epoch_ms, instant

_LONGEST_ID: Final = 64
_OF_IDS: Final = f"{ascii_letters}{digits}._:-".encode()
_VEHICLE_ID: Final = re.compile(rf"[A-Za-z0-9._:-]{{1,{_LONGEST_ID}}}")
_CAN_ID: Final = re.compile(r"0x[0-9A-Fa-f]{1,8}")
_HIGHEST_CAN_ID: Final = 0x1FFFFFFF  # an extended CAN identifier has 29 bits (ISO 11898-1)
_LONGEST_REASON: Final = 240  # a reason may quote the sender, who may have sent megabytes


class MalformedBodyError(ValueError):
    """The bytes are not JSON at all, so that no record in them can be pointed at."""


class Rejection(msgspec.Struct, frozen=True):
    """One record that was not taken: its place among those sent (from 0), and what to change."""

    index: int
    error: str


class Record(msgspec.Struct, frozen=True, gc=False):
    """One valid v1 message. Times are milliseconds since 1970-01-01 UTC."""

    timestamp: int
    vehicle_id: str
    can_id: str
    payload: dict[str, float]
    received: int = 0

    @property
    def identity(self) -> tuple[str, str, int]:
        """What two deliveries of one record have in common."""
        return self.vehicle_id, self.can_id, self.timestamp


class Parsed(NamedTuple):
    """The good and the bad of one body, neither taking the other with it."""

    records: list[Record]
    rejected: list[Rejection]


class _Sent(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A record as it crosses the wire inwards; whatever a client says of `ingest_received_at` is ignored."""

    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    vehicle_id: Annotated[str, msgspec.Meta(max_length=64)]
    can_id: Annotated[str, msgspec.Meta(max_length=10)]
    payload: Annotated[
        dict[Annotated[str, msgspec.Meta(max_length=signals.MAX_NAME)], float],
        msgspec.Meta(min_length=1, max_length=signals.MAX_SIGNALS),
    ]
    ingest_received_at: Any = None


class Spelled(msgspec.Struct, frozen=True, gc=False):
    """A record as JSON spells it: only as much is asked of the types as costs nothing."""

    timestamp: str
    vehicle_id: str
    can_id: str
    payload: dict[str, float]


class _Plain(Spelled, frozen=True, gc=False, forbid_unknown_fields=True):
    """The same as `_Sent` for bodies without a fault."""

    ingest_received_at: Any = None


class _Signals(msgspec.Struct, frozen=True):
    """The payload of a record that was refused, kept raw to find the signal at fault."""

    payload: dict[str, msgspec.Raw]


_decode_plain_one: Final = msgspec.json.Decoder(_Plain).decode
_decode_plain_array: Final = msgspec.json.Decoder(list[_Plain]).decode
_decode_plain_lines: Final = msgspec.json.Decoder(_Plain).decode_lines
_decode_one: Final = msgspec.json.Decoder(_Sent).decode
_decode_array: Final = msgspec.json.Decoder(list[_Sent]).decode
_decode_lines: Final = msgspec.json.Decoder(_Sent).decode_lines
_split_one: Final = msgspec.json.Decoder(msgspec.Raw).decode
_split_array: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_signals: Final = msgspec.json.Decoder(_Signals).decode
_decode_number: Final = msgspec.json.Decoder(float).decode
_starts_array: Final = re.compile(rb"[ \t\r\n]*\[").match
_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
FAULTS: Final = (*_UNDECODABLE, ValueError, OverflowError)
"""What reading a record may raise."""


def parse(body: bytes, received: int) -> Parsed:
    """Read one JSON object, or a JSON array of them, received at `received` (epoch milliseconds).

    All records are checked in one go; only where one is at fault are they looked at singly.
    Raises MalformedBodyError if the body is not JSON.
    """
    is_array = _starts_array(body)
    with suppress(*FAULTS):
        return _accept_all(_decode_plain_array(body) if is_array else [_decode_plain_one(body)], received)
    try:
        try:
            sent = _decode_array(body) if is_array else [_decode_one(body)]
        except msgspec.ValidationError:
            items = _split_array(body) if is_array else [_split_one(body)]
            return _judge(map(_decode_or_blame, items), received)
    except _UNDECODABLE as error:
        raise MalformedBodyError(why(error)) from error
    return _judge(sent, received)


def parse_lines(body: bytes, received: int) -> Parsed:
    """Read newline-delimited JSON; a line that is not JSON is rejected alone. Blank lines do not count.

    Raises MalformedBodyError if there is no line at all.
    """
    with suppress(*FAULTS):
        if flawless := _decode_plain_lines(body):
            return _accept_all(flawless, received)
    try:
        sent: Sequence[_Sent | str] = _decode_lines(body)
    except _UNDECODABLE:
        sent = [_decode_or_blame(line) for line in body.split(b"\n") if line.strip()]
    if not sent:
        raise MalformedBodyError("The body holds no line.")
    return _judge(sent, received)


def _accept_all(sent: Sequence[_Plain], received: int) -> Parsed:
    """Take records without a fault. Raises ValueError or OverflowError if there is one, without saying where."""
    signals.check_all([each.payload for each in sent])
    _check_vehicle_ids([each.vehicle_id for each in sent])
    records = [
        Record(
            moment.read(each.timestamp),
            each.vehicle_id,
            _canonical_can_id(each.can_id),
            each.payload,
            received,
        )
        for each in sent
    ]
    return Parsed(records, [])


def _judge(sent: Iterable[_Sent | str], received: int) -> Parsed:
    """Sort what was decoded, or the reason why it was not, into the good and the bad."""
    parsed = Parsed([], [])
    for index, item in enumerate(sent):
        if isinstance(item, str):
            parsed.rejected.append(Rejection(index, item))
            continue
        try:
            parsed.records.append(_accept(item, received))
        except ValueError as error:
            parsed.rejected.append(Rejection(index, why(error)))
    return parsed


def _accept(sent: _Sent, received: int) -> Record:
    """Check what a type cannot say. Raises ValueError naming the field."""
    signals.check(sent.payload)
    return Record(
        _checked_time(epoch_ms(sent.timestamp)),
        _checked_vehicle_id(sent.vehicle_id),
        _canonical_can_id(sent.can_id),
        sent.payload,
        received,
    )


def _checked_time(ms: int) -> int:
    try:
        instant(ms)
    except OverflowError:
        raise ValueError("timestamp: in UTC it lies outside the years 1 to 9999") from None
    return ms


def _check_vehicle_ids(texts: Sequence[str]) -> None:
    lengths = [len(text) for text in texts]
    if min(lengths) == 0 or max(lengths) > _LONGEST_ID or "".join(texts).encode().translate(None, _OF_IDS):
        raise ValueError("vehicle_id")


def _checked_vehicle_id(text: str) -> str:
    if not _VEHICLE_ID.fullmatch(text):
        raise ValueError("vehicle_id: it is made of 1 to 64 of A-Z a-z 0-9 . _ : -")
    return text


@lru_cache(maxsize=65_536)
def _canonical_can_id(text: str) -> str:
    """One spelling an identifier, so that `0x1f0` and `0x01F0` are one identity."""
    if not _CAN_ID.fullmatch(text) or int(text, 16) > _HIGHEST_CAN_ID:
        raise ValueError(f"can_id: it is 0x and 1 to 8 hex digits, at most 0x{_HIGHEST_CAN_ID:X}")
    return f"0x{int(text, 16):X}"


def _decode_or_blame(item: bytes | msgspec.Raw) -> _Sent | str:
    try:
        return _decode_one(item)
    except _UNDECODABLE as error:
        return _blame(item, error)


def _blame(item: bytes | msgspec.Raw, error: Exception) -> str:
    """Name the field that an error is about; msgspec does not say which signal of a payload it met."""
    reason, _, path = why(error).partition(" - at `")
    if path.startswith(("$.payload[", "key")):
        try:
            return next(_faulty_signals(item), reason)
        except _UNDECODABLE:  # as when more is wrong than the payload
            return reason
    field = path.removeprefix("$.").rstrip("`")
    return f"{field}: {reason}" if field else reason


def _faulty_signals(item: bytes | msgspec.Raw) -> Iterator[str]:
    for name, value in _decode_signals(item).payload.items():
        if len(name) > signals.MAX_NAME:
            yield f"payload.{name[:16]}...: a signal's name has at most {signals.MAX_NAME} characters"
        try:
            _decode_number(value)
        except _UNDECODABLE as error:
            yield f"payload.{name}: {why(error)}"


def why(error: Exception) -> str:
    """Return the text of an error as far as it is to be repeated."""
    return str(error)[:_LONGEST_REASON]
