"""What the types of a record cannot say: the checks of ids and times that every parser makes."""

from collections.abc import Sequence
from functools import lru_cache

from telemetry.domain.contract.moment import parse_timestamp
from telemetry.domain.contract.record import (
    CAN_ID,
    HIGHEST_CAN_ID,
    LONGEST_VEHICLE_ID,
    VEHICLE_ID,
    VEHICLE_ID_BYTES,
)


def checked_timestamp(text: str) -> int:
    """Return a timestamp in epoch milliseconds. Raise ValueError if it is none, or none in UTC."""
    try:
        return parse_timestamp(text)
    except OverflowError:
        raise ValueError("timestamp: in UTC it lies outside the years 1 to 9999") from None
    except ValueError as error:
        raise ValueError(f"timestamp: {error}") from error


def checked_vehicle_id(text: str) -> str:
    """Return a vehicle id as it is. Raise ValueError if it is none."""
    if not VEHICLE_ID.fullmatch(text):
        raise ValueError("vehicle_id: it is made of 1 to 64 of A-Z a-z 0-9 . _ : -")
    return text


def check_vehicle_ids(texts: Sequence[str]) -> None:
    """Raise ValueError if one of many is no vehicle id, without saying which."""
    lengths = [len(text) for text in texts]
    is_long = max(lengths) > LONGEST_VEHICLE_ID
    if is_long or min(lengths) == 0 or "".join(texts).encode().translate(None, VEHICLE_ID_BYTES):
        raise ValueError("vehicle_id")


@lru_cache(maxsize=65_536)
def canonical_can_id(text: str) -> str:
    """Write an identifier in its one form, so that `0x1f0` and `0x01F0` are one identity.

    Raise ValueError if it is no CAN id.
    """
    if text.startswith("0X"):
        raise ValueError("can_id: it begins with 0x, not with 0X")
    if not CAN_ID.fullmatch(text) or int(text, 16) > HIGHEST_CAN_ID:
        raise ValueError(f"can_id: it is 0x and 1 to 8 hex digits, at most 0x{HIGHEST_CAN_ID:X}")
    return f"0x{int(text, 16):X}"
