"""The rules by which raw values of a frame become signals of a payload, and signals become raw values.

A definition (a DBC file) gives each signal a place, a scale and an offset: value = raw x scale + offset.
Three rules are ours. A signal is named in snake_case. A value is the decimal number that scale and offset
make: raw 1234 at a scale of 0.1 is 123.4, without the rounding error that a product of floats has. A value
that means 'not available' is no number.

By convention (SAE J1939-71, and the BMW i3's bus) a sender that does not know a value sets all bits of its
field. So all ones in an unsigned field are 'not available' if the definition's range excludes them, and a
value if it includes them. Without a range they are 'not available' in a field of at least one byte. Narrower
fields hold states and counters, in which all ones may be a value like any other. A single bit, and -1 in a
signed field, are always values. A float is not available if it is not finite.
"""

import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from telemetry.domain.can.bits import Kind, Raws
from telemetry.domain.contract import signals

Floats: TypeAlias = npt.NDArray[np.float64]

_NARROWEST: Final = 8  # bits that a field without a range needs to count as a measured value
_EXACT: Final = 2**53  # a float64 holds every whole number below it

# Where a word begins inside a name: pack|Current, HV|Battery. A single small letter is the prefix of a unit:
# _kWh.
_INSIDE: Final = re.compile(r"(?<=[a-z0-9])(?<!_[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN: Final = re.compile(r"[^A-Za-z0-9]+")


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
    """One signal of `bits` bits; `limits` are the lowest and the highest value, if they are defined."""

    def __init__(
        self,
        name: str,
        bits: int,
        kind: Kind = "unsigned",
        scaling: tuple[float, float] = (1, 0),
        limits: tuple[float, float] | None = None,
    ) -> None:
        self.name = name
        self._bits = bits
        self._kind: Kind = kind
        self._scale, self._offset = scaling
        # A raw float is no whole number, so that it cannot be scaled in whole numbers.
        self._line = None if kind == "float" else _line(scaling)
        all_ones = 2**bits - 1
        is_value = kind != "unsigned" or bits == 1
        if not is_value and limits:
            is_value = limits[0] <= self._scaled(all_ones) <= limits[1]
        elif not is_value:
            is_value = bits < _NARROWEST
        self._unavailable = None if is_value else all_ones
        self._lowest = -(2 ** (bits - 1)) if kind == "signed" else 0
        self._end = self._lowest + 2**bits

    def value(self, raw: float) -> float | None:
        """Return the value of a raw value in the signal's unit, or None if it is not available."""
        if raw == self._unavailable:
            return None
        value = self._scaled(raw)
        return value if math.isfinite(value) else None

    def values(self, raw: Raws) -> Floats:
        """Return the values of raw values (n,), each as `value` does, but NaN where it is not available."""
        if self._line and _is_exact(self._line, self._bits):
            values = raw.astype(np.float64)
            values *= self._line.factor
            values += self._line.addend
            values /= self._line.divisor
        else:
            values = np.fromiter(map(self._scaled, raw.tolist()), np.float64, len(raw))
            values[~np.isfinite(values)] = np.nan
        if self._unavailable is not None:
            np.putmask(values, raw == self._unavailable, np.nan)
        return values

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
        if self._unavailable is not None:
            fits = absent | fits & (raw != self._unavailable)
        if not fits.all():
            raise ValueError(f"{self.name}: its field has no raw value for {values[~fits][0]:g}")
        present = np.where(absent, 0.0, raw)
        if self._kind == "signed":
            return present.astype(np.int64)
        return np.where(absent, np.uint64(self._unavailable or 0), present.astype(np.uint64))

    def _scaled(self, raw: float) -> float:
        return self._line.at(int(raw)) if self._line else float(raw * self._scale + self._offset)


def snake_names(names: Iterable[str]) -> Mapping[str, str]:
    """Return the snake_case name of each name of one frame's signals: `pack_current_a` of `pack_current_A`.

    Raise ValueError naming a signal that has no name in snake_case, or two signals that would have the same.
    """
    originals: dict[str, str] = {}
    for name in names:
        snake = _snake_name(name)
        if twin := originals.get(snake):
            raise ValueError(f"{twin} and {name} would both be named {snake}; rename one of them")
        originals[snake] = name
    return {name: snake for snake, name in originals.items()}


def _snake_name(name: str) -> str:
    snake = _BETWEEN.sub("_", _INSIDE.sub("_", name)).strip("_").lower()
    try:
        signals.check({snake: 0.0})
    except ValueError as error:
        raise ValueError(f"{name} cannot be named {snake!r}, rename it: {error}") from error
    return snake


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
