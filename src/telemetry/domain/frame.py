"""CAN frames, and the rules by which the raw values in them become signals of a payload.

A definition (a DBC file) gives each signal a place, a scale and an offset: value = raw x scale + offset. Three rules
are ours. A signal is named in snake_case. A value is rounded to the decimals of its scale and offset, so that raw 1234
at a scale of 0.1 is 123.4 and not 123.4 and a bit. And a value that means 'not available' is no number.

By convention (SAE J1939-71, and the BMW i3's bus) a sender that does not know a value sets all bits of its field. So
all ones in an unsigned field are 'not available' if the definition's range leaves them out, and a value if the range
takes them in. Without a range they are 'not available' from one byte on: narrower fields hold states and counters, in
which all ones may be as good a value as any. A single bit, and -1 in a signed field, are always values; a float is not
available if it is not finite.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from telemetry.domain import signals

Kind = Literal["unsigned", "signed", "float"]

_NARROWEST: Final = 8  # bits of a field that is taken for a measured value though it has no range

# Where a word begins inside a name: pack|Current, HV|Battery. But a single small letter is the prefix of a unit: _kWh.
_INSIDE: Final = re.compile(r"(?<=[a-z0-9])(?<!_[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN: Final = re.compile(r"[^A-Za-z0-9]+")


class UnreadableError(OSError):
    """A file of frames or of definitions is not what it should be; its text names the file and what to change."""


class UndecodableFrameError(ValueError):
    """A frame does not fit its definition; its text says why."""


class Frame(NamedTuple):
    """A data frame of a bus; `timestamp` is in seconds, counted from wherever its log counts from."""

    timestamp: float
    can_id: int
    data: bytes
    is_extended: bool = False


class Decoded(NamedTuple):
    """The signals of a frame in their units, and those whose value is not available, all by name.

    `is_short` tells that the frame ended before its definition, so that signals are missing.
    """

    signals: dict[str, float]
    unavailable: Sequence[str]
    is_short: bool = False


class Signal:
    """What the raw values of one signal mean; `limits` are the lowest and the highest value, if any are defined."""

    def __init__(
        self,
        name: str,
        bits: int,
        kind: Kind = "unsigned",
        scaling: tuple[float, float] = (1, 0),
        limits: tuple[float, float] | None = None,
    ) -> None:
        self.name = name
        self._scale, self._offset = scaling
        # A float has decimals of its own, whatever it is scaled by.
        self._decimals = None if kind == "float" else max(map(_decimals, scaling))
        all_ones = 2**bits - 1
        is_value = kind != "unsigned" or bits == 1
        if not is_value and limits:
            # Rounded, because 4095 x 0.1 is a bit more than a limit of 409.5.
            is_value = limits[0] <= self._scaled(all_ones) <= limits[1]
        elif not is_value:
            is_value = bits < _NARROWEST
        self._unavailable = None if is_value else all_ones

    def value(self, raw: float) -> float | None:
        """Turn a raw value into one in the signal's unit, or None if it is not available."""
        if raw == self._unavailable:
            return None
        value = self._scaled(raw)
        return value if math.isfinite(value) else None

    def _scaled(self, raw: float) -> float:
        value = float(raw * self._scale + self._offset)
        # Adding zero makes -0.0, which a tiny negative sum is rounded to, 0.0.
        return value if self._decimals is None else round(value, self._decimals) + 0.0


def snake_names(names: Iterable[str]) -> Mapping[str, str]:
    """Spell the names of one frame's signals in snake_case: `pack_current_A` is `pack_current_a`.

    Raises ValueError naming those that cannot be spelled, or would be spelled alike.
    """
    spelled: dict[str, str] = {}
    for name in names:
        snake = _snake(name)
        if twin := spelled.get(snake):
            raise ValueError(f"{twin} and {name} would both be named {snake}; rename one of them")
        spelled[snake] = name
    return {name: snake for snake, name in spelled.items()}


def _snake(name: str) -> str:
    snake = _BETWEEN.sub("_", _INSIDE.sub("_", name)).strip("_").lower()
    try:
        signals.check({snake: 0.0})
    except ValueError as error:
        raise ValueError(f"{name} cannot be named {snake!r}, rename it: {error}") from error
    return snake


def _decimals(number: float) -> int:
    """Count the decimal places of a number as it is written: 2 of 0.25, 0 of 1000."""
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
