"""Signals that a logger decoded itself: they need no definition, and become records as they are."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from telemetry.domain.can.columns import Flags, Frames, Micros, Places
from telemetry.domain.can.part import Mark, Marks, Part
from telemetry.domain.contract.signals import KNOWN


class Measured(NamedTuple):
    """A group of signals that were measured together, a row each time.

    `can_id` is that of the message, or the number of the group if nobody knows it. `names` are in snake_case.
    `values` (n, signals) has NaN where a value is not available.
    """

    times_us: Micros
    bus: str
    can_id: int
    names: Sequence[str]
    values: npt.NDArray[np.float64]

    @property
    def size(self) -> int:
        return len(self.times_us)

    def take(self, rows: Places | Flags | slice) -> "Measured":
        """Return some of the rows."""
        return self._replace(times_us=self.times_us[rows], values=self.values[rows])

    def part(self) -> Part:
        """Return the values with a mark for each that is not available, or physically impossible."""
        values = self.values.T.copy()
        marks: Marks = np.where(np.isnan(values), Mark.UNAVAILABLE, Mark.FINE).astype(np.uint8)
        for row, signal_marks, name in zip(values, marks, self.names, strict=True):
            if known := KNOWN.get(name):
                impossible = (row < known.low) | (row > known.high)
                signal_marks[impossible] = Mark.IMPOSSIBLE
                row[impossible] = np.nan
        return Part(np.arange(self.size), self.names, values, marks)


Block: TypeAlias = Frames | Measured
"""What a source yields."""
