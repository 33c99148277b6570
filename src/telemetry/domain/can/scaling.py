"""The rules by which raw values of a frame become signals of a payload, and signals become raw values.

A definition gives each signal a place, a scale and an offset: value = raw x scale + offset. Two rules are
ours. A value is the decimal number that scale and offset make: raw 1234 at a scale of 0.1 is 123.4, without
the rounding error that a product of floats has. A value that means 'not available' is no number; which
values do is in `telemetry.domain.can.absence`. A float is not available if it is not finite.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from telemetry.domain.can import absence
from telemetry.domain.can.absence import Absence
from telemetry.domain.can.bits import Kind, Raws

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

_TYPES: Final[Mapping[Kind, str]] = {"unsigned": "u8", "signed": "i8", "float": "f8"}
_EXACT: Final = 2**53  # a float64 holds every whole number below it


class _Line(NamedTuple):
    """Scale and offset in whole numbers: value = (raw x factor + addend) / divisor."""

    factor: int
    addend: int
    divisor: int

    def at(self, raw: int) -> float:
        try:
            # Python rounds the quotient of whole numbers once.
            return (raw * self.factor + self.addend) / self.divisor
        except OverflowError:
            return math.inf


class Signal:
    """One signal of `bits` bits; `limits` are the lowest and the highest value, if they are defined.

    `states` names raw values, as far as they are states. A signal of SAE J1939 follows its conventions.
    """

    def __init__(  # noqa: PLR0913  # as many as a definition has
        self,
        name: str,
        bits: int,
        kind: Kind = "unsigned",
        scaling: tuple[float, float] = (1, 0),
        limits: tuple[float, float] | None = None,
        *,
        states: Mapping[int, str] | None = None,
        is_j1939: bool = False,
    ) -> None:
        self.name = name
        self.limits = limits
        self._bits = bits
        self._kind: Kind = kind
        self._scale, self._offset = scaling
        # A raw float is no whole number, so that it cannot be scaled in whole numbers.
        self._line = None if kind == "float" else _line(scaling)
        self._is_exact = bool(self._line and _is_exact(self._line, bits))
        self._absence = self._absent(states or {}, is_j1939=is_j1939) if kind == "unsigned" else None
        self._lowest = -(2 ** (bits - 1)) if kind == "signed" else 0
        self._end = self._lowest + 2**bits

    def value(self, raw: float) -> float | None:
        """Return the value of a raw value in the signal's unit, or None if it is not available."""
        (value,) = self.values(np.array([raw], _TYPES[self._kind])).tolist()
        return None if math.isnan(value) else float(value)

    def values(self, raw: Raws) -> Floats:
        """Return the values of raw values (n,), with NaN where there is none."""
        if self._line and self._is_exact:
            values = raw.astype(np.float64)
            if self._line.factor != 1:
                values *= self._line.factor
            if self._line.addend:
                values += self._line.addend
            if self._line.divisor != 1:
                values /= self._line.divisor
        else:
            values = np.fromiter(map(self._scaled, raw.tolist()), np.float64, len(raw))
            values[~np.isfinite(values)] = np.nan
        if self._absence:
            absent = raw >= self._absence.first
            if self._absence.states:
                absent &= ~np.isin(raw, list(self._absence.states))
            np.putmask(values, absent, np.nan)
        return values

    def errors(self, raw: Raws) -> Flags | None:
        """Return which raw values (n,) are error indicators; None if the signal has none."""
        if not (self._absence and self._absence.errors):
            return None
        errors, states = self._absence.errors, self._absence.states
        return (raw >= errors.start) & (raw < errors.stop) & ~np.isin(raw, list(states))

    def raws(self, values: Floats) -> Raws:
        """Return the nearest raw values of values (n,); NaN becomes 'not available'.

        Raise ValueError naming the signal if it has no raw value for one of them.
        """
        raw = (values - self._offset) / self._scale
        if self._kind == "float":
            return raw
        raw = np.rint(raw)
        absent = np.isnan(raw)
        fits = (self._lowest <= raw) & (raw < self._end)
        if self._absence:
            fits = absent | fits & (raw < self._absence.first)
        if not fits.all():
            raise ValueError(f"{self.name}: its field has no raw value for {values[~fits][0]:g}")
        present = np.where(absent, 0.0, raw)
        if self._kind == "signed":
            return present.astype(np.int64)
        return np.where(absent, np.uint64(self._end - 1), present.astype(np.uint64))

    def _absent(self, states: Mapping[int, str], *, is_j1939: bool) -> Absence | None:
        if is_j1939:
            return absence.of_j1939(self._bits, states)
        highest = self._scaled(2**self._bits - 1)
        is_in_range = self.limits[0] <= highest <= self.limits[1] if self.limits else None
        return absence.of_any(self._bits, states, is_in_range=is_in_range)

    def _scaled(self, raw: float) -> float:
        return self._line.at(int(raw)) if self._line else float(raw * self._scale + self._offset)


def _line(scaling: tuple[float, float]) -> _Line | None:
    """Return scale and offset, as they are written, with one denominator; None if one is not finite."""
    if not all(map(math.isfinite, scaling)):
        return None
    scale, offset = (Fraction(repr(number)) for number in scaling)
    divisor = math.lcm(scale.denominator, offset.denominator)
    return _Line(int(scale * divisor), int(offset * divisor), divisor)


def _is_exact(line: _Line, bits: int) -> bool:
    """Return whether float64 holds every whole number between a raw value of so many bits and its value."""
    return 2**bits * abs(line.factor) + abs(line.addend) < _EXACT and line.divisor < _EXACT
