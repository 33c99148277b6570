"""The signals of a payload: how they are named, and the physical range of those the platform knows."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

MAX_NAME: Final = 64
"""Longest signal name, in characters."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


class Range(NamedTuple):
    """The physically possible values of a signal, both ends included."""

    low: float
    high: float
    unit: str


KNOWN: Final[dict[str, Range]] = {
    "battery_soc": Range(0, 100, "%"),
    # Road vehicles reach 1 kV class (ISO 6469-3 voltage class B ends at 1500 V DC).
    "battery_voltage": Range(0, 1500, "V"),
    "battery_current": Range(-5000, 5000, "A"),
    # No lithium chemistry leaves 0..5 V without having been destroyed.
    "cell_voltage_min": Range(0, 5, "V"),
    "cell_voltage_max": Range(0, 5, "V"),
    # Colder than any road, hotter than the onset of thermal runaway.
    "cell_temp_min": Range(-60, 200, "degC"),
    "cell_temp_max": Range(-60, 200, "degC"),
}


class _Shape(NamedTuple):
    """What there is to check for one tuple of signal names, worked out once for all records that share it."""

    ranges: tuple[tuple[str, Range], ...]
    pairs: tuple[tuple[str, str], ...]


def check(payload: dict[str, float]) -> None:
    """Raise ValueError naming the signal if a name is not snake_case, a value is impossible, or a min exceeds its max."""
    shape = _shape(tuple(payload))
    for name, (low, high, unit) in shape.ranges:
        if not low <= payload[name] <= high:
            raise ValueError(f"payload.{name}: {payload[name]:g} is outside {low:g} to {high:g} {unit}")
    for lower, upper in shape.pairs:
        if payload[lower] > payload[upper]:
            raise ValueError(f"payload.{lower}: {payload[lower]:g} exceeds {upper}, {payload[upper]:g}")


@lru_cache(maxsize=4096)
def _shape(names: tuple[str, ...]) -> _Shape:
    for name in names:
        if len(name) > MAX_NAME or not _NAME.fullmatch(name):
            raise ValueError(
                f"payload.{name[:MAX_NAME]}: a signal is named in snake_case, at most {MAX_NAME} characters"
            )
    twins = ((name, f"{name.removesuffix('_min')}_max") for name in names if name.endswith("_min"))
    return _Shape(
        ranges=tuple((name, KNOWN[name]) for name in names if name in KNOWN),
        pairs=tuple((lower, upper) for lower, upper in twins if upper in names),
    )
