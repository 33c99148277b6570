"""Frames one by one, gathered into columns."""

from typing import Final, NamedTuple

import numpy as np

from telemetry.domain.can.columns import CLASSIC, FD, Frames

MANY: Final = 16_384
"""Frames of a block, at which it is handed on."""

_HIGHEST_US: Final = 2**62
STANDARD: Final = 0x7FF
"""The highest standard id."""

_EXTENDED: Final = 0x1FFFFFFF


class Row(NamedTuple):
    """One data frame."""

    time_us: int
    can_id: int
    is_extended: bool
    bus: str
    data: bytes
    is_sent: bool = False


def checked(row: Row) -> Row:
    """Return a frame. Raise ValueError if none can be so."""
    if row.can_id > (_EXTENDED if row.is_extended else STANDARD):
        raise ValueError(f"0x{row.can_id:X} is no id of {29 if row.is_extended else 11} bits")
    if len(row.data) > FD:
        raise ValueError(f"{len(row.data)} bytes are more than a frame has")
    if not -_HIGHEST_US < row.time_us < _HIGHEST_US:
        raise ValueError("it has no time")
    return row


class Rows:
    """Gathers frames; the names of buses are kept from one block to the next."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._buses: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: Row) -> None:
        self._rows.append(row)

    def take(self) -> Frames:
        """Return what was gathered, and begin anew."""
        rows, self._rows = self._rows, []
        times, ids, extended, buses, data, sent = zip(*rows, strict=True) if rows else ((),) * 6
        places = [self._buses.setdefault(bus, len(self._buses)) for bus in buses]
        lengths = np.fromiter(map(len, data), np.uint8, len(rows))
        width = CLASSIC if not rows or int(lengths.max()) <= CLASSIC else FD
        joined = b"".join(each.ljust(width, b"\0") for each in data)
        return Frames(
            np.array(times, np.int64),
            np.array(ids, np.uint32),
            np.array(extended, np.bool_),
            np.array(places, np.uint16),
            np.array(sent, np.bool_),
            lengths,
            np.frombuffer(joined, np.uint8).reshape(-1, width),
            list(self._buses),
        )
