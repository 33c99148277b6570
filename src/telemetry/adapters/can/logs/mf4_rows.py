"""The rows of one group of an MDF file, read some at a time and taken by their times."""

from abc import ABC, abstractmethod
from typing import Final, Generic, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from telemetry.domain.can.columns import Micros

AT_ONCE: Final = 65_536
"""Records of a group that are read at a time."""

_BEGINNING_US: Final = -(2**62)
_END_US: Final = 2**62


class _Rows(Protocol):
    """Rows in the order of their times."""

    @property
    def times_us(self) -> Micros: ...

    @property
    def size(self) -> int: ...

    def take(self, rows: slice) -> Self:
        """Return some of the rows."""
        ...


R = TypeVar("R", bound=_Rows)


class Rows(ABC, Generic[R]):
    """A group of `count` records, of which some rows are read and not taken yet."""

    def __init__(self, count: int, start_us: int) -> None:
        self._start_us = start_us
        self._left = range(0, count, AT_ONCE)
        self._latest_us = _BEGINNING_US
        self._rows = self._next()

    @property
    def is_empty(self) -> bool:
        return not self._left and not self._rows.size

    @property
    def until_us(self) -> int:
        """Up to which time all rows of the group are read."""
        return self._latest_us if self._left else _END_US

    def take(self, until_us: int) -> R:
        """Take the rows up to a time, and read on if none is left."""
        end = int(np.searchsorted(self._rows.times_us, until_us, side="right"))
        taken, self._rows = self._rows.take(slice(end)), self._rows.take(slice(end, None))
        if self._left and not self._rows.size:
            self._rows = self._next()
        return taken

    @abstractmethod
    def _read(self, start: int) -> R:
        """Read up to `AT_ONCE` records from a place on."""

    def _next(self) -> R:
        start, self._left = self._left[0], self._left[1:]
        return self._read(start)

    def _times(self, times_s: npt.NDArray[np.float64]) -> Micros:
        """Return when records were; a time that goes back within the group is that of the record before."""
        times_us = np.rint(times_s * 1e6).astype(np.int64) + self._start_us
        times_us = np.maximum(np.maximum.accumulate(times_us), self._latest_us)
        self._latest_us = int(times_us[-1])
        return times_us
