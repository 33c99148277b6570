"""Identifiers of SAE J1939: what a frame is about, who sent it, and to whom.

An extended id holds a priority (3 bits), a parameter group number (18 bits) and the address of the source (8
bits). The group says what the frame is about. If the third byte from the end, the format, is below 240, the
byte after it is no part of the group: it is the address of the destination.
"""

from typing import Final, NamedTuple

EVERYBODY: Final = 0xFF
"""The destination of what is sent to all."""

NOBODY: Final = 0xFE
"""The null address, which definitions have in the place of the source."""

_FIRST_BROADCAST: Final = 0xF0  # the first format without a destination


class Address(NamedTuple):
    """The group of a frame, its source and its destination."""

    group: int
    source: int
    destination: int


def address(can_id: int) -> Address:
    """Read an extended id."""
    whole, source = can_id >> 8 & 0x3FFFF, can_id & 0xFF
    if _is_addressed(whole):
        return Address(whole & 0x3FF00, source, whole & 0xFF)
    return Address(whole, source, EVERYBODY)


def can_id(priority: int, address: Address) -> int:
    """Make the extended id of a frame."""
    group, source, destination = address
    whole = group & 0x3FF00 | destination if _is_addressed(group) else group
    return priority << 26 | whole << 8 | source


def priority(can_id: int) -> int:
    return can_id >> 26 & 7


def _is_addressed(group: int) -> bool:
    return group >> 8 & 0xFF < _FIRST_BROADCAST
