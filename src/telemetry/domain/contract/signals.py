"""The signals of a payload: how they are named, and the physical range of each known signal."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

MAX_NAME: Final = 64
"""Characters that the name of a signal has at most."""

MAX_SIGNALS: Final = 512  # as many bits as a frame of CAN FD has
"""Signals that a payload has at most."""

_FEW: Final = 8  # payloads; for fewer, a loop is faster than numpy

NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


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
    # From colder than any road to hotter than the onset of thermal runaway.
    "cell_temp_min": Range(-60, 200, "degC"),
    "cell_temp_max": Range(-60, 200, "degC"),
}


_ANY: Final = Range(-np.inf, np.inf, "")


class _Shape(NamedTuple):
    """What to check for one tuple of signal names, computed once for all records that share it."""

    ranges: tuple[tuple[str, Range], ...]
    pairs: tuple[tuple[str, str], ...]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    pair_columns: npt.NDArray[np.int64]


def check(payload: dict[str, float]) -> None:
    """Check the signals of a payload.

    Raise ValueError naming the signal if a name is not snake_case, a value is impossible, or a min exceeds
    its max.
    """
    shape = _shape(tuple(payload))
    for name, (low, high, unit) in shape.ranges:
        if not low <= payload[name] <= high:
            raise ValueError(
                f"payload.{name}: {_exactly(payload[name])} is outside {_exactly(low)} to {_exactly(high)} {unit}"
            )
    for lower, upper in shape.pairs:
        if payload[lower] > payload[upper]:
            raise ValueError(
                f"payload.{lower}: {_exactly(payload[lower])} exceeds {upper}, {_exactly(payload[upper])}"
            )


def check_names(names: Iterable[str]) -> None:
    """Raise ValueError naming the signal if a name is not snake_case."""
    _shape(tuple(names))


def check_all(payloads: Sequence[dict[str, float]]) -> None:
    """Check the signals of many payloads, one signal of all payloads at a time.

    Raise ValueError if `check` would for one of them, or if one has too few or too many signals. The error
    does not name the signal.
    """
    by_names: defaultdict[tuple[str, ...], list[dict[str, float]]] = defaultdict(list)
    for payload in payloads:
        by_names[tuple(payload)].append(payload)
    for names, members in by_names.items():
        if not 0 < len(names) <= MAX_SIGNALS:
            raise ValueError(f"payload: it has 1 to {MAX_SIGNALS} signals")
        if len(members) < _FEW:
            for payload in members:
                check(payload)
        else:
            _check_columns(_shape(names), members)


def _exactly(number: float) -> str:
    """Write a number with all its digits, so that 100.0000001 is not shown as 100."""
    return repr(number).removesuffix(".0")


def _check_columns(shape: _Shape, payloads: Sequence[dict[str, float]]) -> None:
    columns = len(shape.low)
    values = np.fromiter(
        chain.from_iterable(map(dict.values, payloads)), np.float64, columns * len(payloads)
    ).reshape(-1, columns)
    lower, upper = shape.pair_columns.T
    if (
        not ((shape.low <= values) & (values <= shape.high)).all()
        or (values[:, lower] > values[:, upper]).any()
    ):
        raise ValueError("payload: a value is impossible")


@lru_cache(maxsize=4096)
def _shape(names: tuple[str, ...]) -> _Shape:
    """Return what to check for these names. Raise ValueError naming the first that is not a signal's name."""
    for name in names:
        if len(name) > MAX_NAME or not NAME.fullmatch(name):
            raise ValueError(
                f"payload.{name[:MAX_NAME]}: a signal is named in snake_case, at most {MAX_NAME} characters"
            )
    ranges = [KNOWN.get(name, _ANY) for name in names]
    twins = ((name, f"{name.removesuffix('_min')}_max") for name in names if name.endswith("_min"))
    pairs = tuple((lower, upper) for lower, upper in twins if upper in names)
    return _Shape(
        ranges=tuple((name, KNOWN[name]) for name in names if name in KNOWN),
        pairs=pairs,
        low=np.array([each.low for each in ranges]),
        high=np.array([each.high for each in ranges]),
        pair_columns=np.array([[names.index(name) for name in pair] for pair in pairs], np.int64).reshape(
            -1, 2
        ),
    )
