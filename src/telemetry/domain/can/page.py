"""The signals that lie in a frame together, decoded as one table."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from telemetry.domain.can.bits import Block, Field, Raws
from telemetry.domain.can.part import Mark, Marks
from telemetry.domain.can.scaling import Floats, Signal
from telemetry.domain.contract.signals import KNOWN

_MIN, _MAX = "_min", "_max"


class Page:
    """Signals, each with its field, all of which lie within the frames that are decoded."""

    def __init__(self, signals: Sequence[tuple[Signal, Field]]) -> None:
        self._signals = signals
        self.names = [signal.name for signal, _ in signals]
        self._stated = _columns([signal.limits for signal, _ in signals])
        known = [KNOWN.get(name) for name in self.names]
        self._possible = _columns([(each.low, each.high) if each else None for each in known])
        self._pairs = _pairs(self.names)
        self._low = np.maximum(self._stated[0], self._possible[0])
        self._high = np.minimum(self._stated[1], self._possible[1])

    def decode(self, block: Block) -> tuple[Floats, Marks | None]:
        """Return values and marks (signals, frames); the marks are None if every value is fine."""
        raws = [field.take(block) for _, field in self._signals]
        values = np.empty((len(raws), len(block)))
        for row, (signal, _), raw in zip(values, self._signals, raws, strict=True):
            row[:] = signal.values(raw)
        # NaN is neither above nor below anything.
        fine = ((self._low <= values) & (values <= self._high)).all()
        crossed = any((values[low] > values[high]).any() for low, high in self._pairs)
        return values, None if fine and not crossed else self._mark(values, raws)

    def _mark(self, values: Floats, raws: Sequence[Raws]) -> Marks:
        """Return the marks of values, and make NaN of those that are impossible."""
        marks: Marks = np.where(np.isnan(values), Mark.UNAVAILABLE, Mark.FINE).astype(np.uint8)
        for row, (signal, _), raw in zip(marks, self._signals, raws, strict=True):
            if (errors := signal.errors(raw)) is not None:
                row[errors] = Mark.ERROR
        marks[_is_outside(values, self._stated)] = Mark.OUTSIDE
        impossible = _is_outside(values, self._possible)
        values[impossible] = np.nan
        for low, high in self._pairs:
            crossed = values[low] > values[high]
            impossible[[low, high]] |= crossed
        values[impossible] = np.nan
        marks[impossible] = Mark.IMPOSSIBLE
        return marks


def _columns(limits: Sequence[tuple[float, float] | None]) -> tuple[Floats, Floats]:
    """Return the lower and the upper limits, each (signals, 1)."""
    low, high = zip(*(each or (-np.inf, np.inf) for each in limits), strict=True)
    return np.array(low, np.float64)[:, None], np.array(high, np.float64)[:, None]


def _is_outside(values: Floats, limits: tuple[Floats, Floats]) -> npt.NDArray[np.bool_]:
    return (values < limits[0]) | (values > limits[1])


def _pairs(names: Sequence[str]) -> Sequence[tuple[int, int]]:
    """Return the places of signals of which the second may not be below the first."""
    places = {name: place for place, name in enumerate(names)}
    twins = ((place, name.removesuffix(_MIN) + _MAX) for name, place in places.items() if name.endswith(_MIN))
    return [(place, places[twin]) for place, twin in twins if twin in places]
