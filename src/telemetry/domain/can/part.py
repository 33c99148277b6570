"""Decoded frames as columns, a column a signal, with a mark for each value that is left out or odd."""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from telemetry.domain.can.bits import Rows
from telemetry.domain.can.frame import Decoded, Outcome, UndecodableFrameError
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
    value is left out. `marks` has the same shape; it is None if every value is fine. `fault` says why the
    frames cannot be decoded; they then have no values.
    """

    rows: Rows
    names: Sequence[str]
    values: Floats
    marks: Marks | None = None
    is_short: bool = False
    fault: str | None = None

    def outcomes(self) -> Sequence[Outcome]:
        """Return the outcome of each frame."""
        if self.fault:
            return [UndecodableFrameError(self.fault)] * len(self.rows)
        names, is_short = self.names, self.is_short
        rows = self.values.T.tolist()
        if self.marks is None:
            return [Decoded(dict(zip(names, row, strict=True)), (), is_short) for row in rows]
        size = len(names)
        columns = self.marks.T.tobytes()
        marked = [columns[start : start + size] for start in range(0, len(columns), size)]
        # Frames of one message mostly have the same marks.
        verdicts = {marks: _verdict(names, marks) for marks in set(marked)}
        return [
            _judged(dict(zip(names, row, strict=True)), verdicts[marks], is_short=is_short)
            for row, marks in zip(rows, marked, strict=True)
        ]


def fault(rows: Rows, why: str) -> Part:
    """Make the part of frames that cannot be decoded."""
    return Part(rows, (), np.empty((0, len(rows))), fault=why)


class _Verdict(NamedTuple):
    """The signals that are to be left out or named, by their marks."""

    left_out: Sequence[str]
    unavailable: Sequence[str]
    errors: Sequence[str]
    impossible: Sequence[str]
    outside: Sequence[str]


def _verdict(names: Sequence[str], marks: bytes) -> _Verdict:
    by_mark = {
        mark: tuple(name for name, each in zip(names, marks, strict=True) if each == mark) for mark in Mark
    }
    unavailable, errors = by_mark[Mark.UNAVAILABLE], by_mark[Mark.ERROR]
    impossible = by_mark[Mark.IMPOSSIBLE]
    left_out = (*unavailable, *errors, *impossible)
    return _Verdict(left_out, unavailable, errors, impossible, by_mark[Mark.OUTSIDE])


def _judged(signals: dict[str, float], verdict: _Verdict, *, is_short: bool) -> Decoded:
    for name in verdict.left_out:
        del signals[name]
    return Decoded(
        signals, verdict.unavailable, is_short, verdict.errors, verdict.impossible, verdict.outside
    )
