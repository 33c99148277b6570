"""Decoded frames as columns, a column a signal, with a mark for each value that is left out or odd."""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from telemetry.domain.can.bits import Rows
from telemetry.domain.can.scaling import Floats


class Mark(IntEnum):
    """What there is to say of a value; from `UNAVAILABLE` on it is left out."""

    FINE = 0
    OUTSIDE = 1
    """It lies outside the range that its definition states."""
    UNAVAILABLE = 2
    ERROR = 3
    """Its sender says that there is a fault."""
    IMPOSSIBLE = 4
    """It is physically impossible."""


Marks: TypeAlias = npt.NDArray[np.uint8]


class Part(NamedTuple):
    """Frames of one message that hold the same signals.

    `rows` says which of the frames that were decoded these are. `values` (signals, frames) has NaN where a
    value is left out. `marks` has the same shape; it is None if every value is fine. `is_pageless` says that
    a multiplexer of theirs has a value for which nothing is defined. `fault` says why the frames cannot be
    decoded; they then have no values.
    """

    rows: Rows
    names: Sequence[str]
    values: Floats
    marks: Marks | None = None
    is_short: bool = False
    fault: str | None = None
    is_pageless: bool = False

    def signals(self, prefix: str = "") -> Sequence[dict[str, float]]:
        """Return the signals of each frame that are not left out, the names beginning with `prefix`."""
        names = [f"{prefix}{name}" for name in self.names] if prefix else self.names
        rows = [dict(zip(names, row, strict=True)) for row in self.values.T.tolist()]
        if self.marks is None:
            return rows
        for name, left_out in zip(names, self.marks >= Mark.UNAVAILABLE, strict=True):
            for place in np.flatnonzero(left_out).tolist():
                del rows[place][name]
        return rows

    def marked(self) -> Iterator[tuple[Mark, str, int]]:
        """Yield how many values of each signal have which mark, but for fine ones."""
        if self.marks is not None:
            for name, marks in zip(self.names, self.marks, strict=True):
                counts = np.bincount(marks, minlength=len(Mark)).tolist()
                yield from ((mark, name, counts[mark]) for mark in Mark if mark and counts[mark])


def fault(rows: Rows, why: str) -> Part:
    """Make the part of frames that cannot be decoded."""
    return Part(rows, (), np.empty((0, len(rows))), fault=why)
