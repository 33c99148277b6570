"""Signals that a logger decoded itself: they need no definition, and become records as they are."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from telemetry.domain.can.columns import Flags, Frames, Micros, Places
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

    def without_impossible(self) -> tuple["Measured", Counter[str]]:
        """Leave out the values that are physically impossible; count them by signal."""
        values, counts = self.values.copy(), Counter[str]()
        for column, name in enumerate(self.names):
            if known := KNOWN.get(name):
                impossible = (values[:, column] < known.low) | (values[:, column] > known.high)
                values[impossible, column] = np.nan
                counts[name] = int(np.count_nonzero(impossible))
        return self._replace(values=values), +counts

    def rows(self) -> Iterator[dict[str, float]]:
        """Yield the signals of each row that are available."""
        for row, missing in zip(self.values.tolist(), np.isnan(self.values).tolist(), strict=True):
            yield {
                name: value
                for name, value, is_missing in zip(self.names, row, missing, strict=True)
                if not is_missing
            }


Block: TypeAlias = Frames | Measured
"""What a source yields."""
