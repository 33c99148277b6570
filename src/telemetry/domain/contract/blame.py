"""Why a record was refused: the field at fault by its name, and what to change."""

from collections.abc import Iterator
from typing import Final

import msgspec

from telemetry.domain.contract import signals

UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding JSON into a type may raise."""

FAULTS: Final = (*UNDECODABLE, ValueError, OverflowError)
"""What reading a record may raise."""

_LONGEST_REASON: Final = 240  # a reason may quote the sender, who may have sent megabytes


class _RawPayload(msgspec.Struct, frozen=True):
    """The payload of a record that was refused, its values not decoded yet."""

    payload: dict[str, msgspec.Raw]


_NULL: Final = b"null"  # a signal that is not available
_decode_payload: Final = msgspec.json.Decoder(_RawPayload).decode
_decode_number: Final = msgspec.json.Decoder(float).decode


def reason(error: Exception) -> str:
    """Return the text of an error, as much of it as may be repeated to a sender."""
    return str(error)[:_LONGEST_REASON]


def field_reason(record: bytes | msgspec.Raw, error: Exception) -> str:
    """Say which field of a record an error of msgspec is about.

    Msgspec does not name the signal of a payload.
    """
    what, _, path = reason(error).partition(" - at `")
    if path.startswith(("$.payload[", "key")):
        try:
            return next(_faulty_signals(record), what)
        except UNDECODABLE:  # more is wrong than the payload
            return what
    field = path.removeprefix("$.").rstrip("`")
    return f"{field}: {what}" if field else what


def _faulty_signals(record: bytes | msgspec.Raw) -> Iterator[str]:
    for name, value in _decode_payload(record).payload.items():
        if len(name) > signals.MAX_NAME:
            yield f"payload.{name[:16]}...: a signal's name has at most {signals.MAX_NAME} characters"
        try:
            if bytes(value) != _NULL:
                _decode_number(value)
        except UNDECODABLE as error:
            yield f"payload.{name}: {reason(error)}"
