"""Many frames as columns, so that a log is read, filtered and grouped without an object a frame."""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from telemetry.domain.can.bits import Block

Micros: TypeAlias = npt.NDArray[np.int64]
Numbers: TypeAlias = npt.NDArray[np.uint32]
Places: TypeAlias = npt.NDArray[np.intp]
Flags: TypeAlias = npt.NDArray[np.bool_]
Bytes: TypeAlias = npt.NDArray[np.uint8]

CLASSIC: Final = 8
"""Bytes that a classic frame has at most."""

FD: Final = 64
"""Bytes that a frame of CAN FD has at most."""

# Where each part lies in the number by which frames of one kind are found: length, id, extended, bus.
_ID_SHIFT: Final = 7
_EXTENDED_SHIFT: Final = _ID_SHIFT + 29
_BUS_SHIFT: Final = _EXTENDED_SHIFT + 1


class Frames(NamedTuple):
    """Data frames in the order of their log, a row each in every column (n,).

    `times_us` counts microseconds from 1970-01-01 UTC, or from the log's own start. `buses` are places in
    `names`. `data` is (n, 8) or (n, 64), and each row is zero from its length on. `is_sent` are the frames
    that the logger itself transmitted.
    """

    times_us: Micros
    ids: Numbers
    is_extended: Flags
    buses: npt.NDArray[np.uint16]
    is_sent: Flags
    lengths: Bytes
    data: Bytes
    names: Sequence[str]

    @property
    def size(self) -> int:
        return len(self.times_us)

    def take(self, rows: Places | Flags | slice) -> "Frames":
        """Return the frames of some rows."""
        return Frames(
            self.times_us[rows],
            self.ids[rows],
            self.is_extended[rows],
            self.buses[rows],
            self.is_sent[rows],
            self.lengths[rows],
            self.data[rows],
            self.names,
        )


class Group(NamedTuple):
    """The rows of frames of one bus, one id and one length, in their order."""

    bus: str
    can_id: int
    is_extended: bool
    length: int
    rows: Places


def groups(frames: Frames) -> Sequence[Group]:
    """Group frames by bus, id and length."""
    if not frames.size:
        return []
    keys = frames.lengths.astype(np.int64) | frames.ids.astype(np.int64) << _ID_SHIFT
    keys |= frames.is_extended.astype(np.int64) << _EXTENDED_SHIFT
    keys |= frames.buses.astype(np.int64) << _BUS_SHIFT
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    runs = np.split(order, starts[1:])
    return [_group(int(key), rows, frames.names) for key, rows in zip(ordered[starts], runs, strict=True)]


def _group(key: int, rows: Places, names: Sequence[str]) -> Group:
    return Group(
        names[key >> _BUS_SHIFT],
        key >> _ID_SHIFT & (1 << _EXTENDED_SHIFT - _ID_SHIFT) - 1,
        bool(key >> _EXTENDED_SHIFT & 1),
        key & (1 << _ID_SHIFT) - 1,
        rows,
    )


def block(frames: Frames, group: Group) -> Block:
    """Return the bytes of the frames of a group."""
    return Block(frames.data[group.rows, : group.length])
