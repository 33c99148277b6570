"""The road ahead: legs of city, country road and motorway, each with a speed to drive at, or a stop.

Shares, speeds and stops are chosen so that speeds come near those of the TUM trips (source in `parameters`): 13 % of
the time below 1 km/h, a third each up to 30 and to 60 km/h, a fifth to 90 km/h, an eighth above.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery import dynamics
from telemetry.domain.vehicle.battery.parameters import Floats

# by kind of road: city, country, motorway
_SPEED: Final = np.array([8.7, 22.1, 28.8])  # m/s, mean of the speeds driven at
_SPREAD: Final = np.array([2.8, 3.9, 4.4])  # m/s, their standard deviation
_LASTS: Final = np.array([17.0, 26.9, 45.1])  # s, mean of a leg
_STOPS: Final = np.array([0.25, 0.23, 0.0])  # share of legs that end at a light or a crossing
_CHANGES: Final = np.array([0.04, 0.07, 0.10])  # share of legs after which the road changes
_SHARES: Final = np.array([0.50, 0.85])  # thresholds of the draw of the next road
_WAIT: Final = 14.0  # s, mean of a stop; 14 s on the trips, the median 7 s
_BRAKING: Final = 0.81  # m/s2, by which the way to a stop is foreseen
_HILLS: Final = 0.017  # standard deviation of the grade
_HILL: Final = 28.0  # s, for which a grade lasts
_BENDS: Final = 3.1  # s, in which a road bends to the next


@dataclass(frozen=True, slots=True, eq=False)
class Roads:
    """Where n vehicles are, each (n,)."""

    kind: np.ndarray[tuple[int], np.dtype[np.int64]]  # row in the tables above
    speed: Floats  # m/s to drive at; 0 is a stop
    remaining: Floats  # s until the next leg
    hill: Floats  # rise per way that the road bends to
    grade: Floats  # rise per way


def start(vehicles: int, rng: np.random.Generator) -> Roads:
    """Let all vehicles stand, each on its road and to leave at its own time."""
    return Roads(
        kind=(rng.random((vehicles, 1)) >= _SHARES).sum(axis=1),
        speed=np.zeros(vehicles),
        remaining=rng.uniform(0.0, 8.0, vehicles),
        hill=np.zeros(vehicles),
        grade=np.zeros(vehicles),
    )


def advance(roads: Roads, driven: Floats, dt_s: float, rng: np.random.Generator) -> Roads:
    """Return the roads `dt_s` seconds on, for vehicles that drive at `driven` m/s."""
    hill = dynamics.shift(roads.hill, _HILLS, _HILL, dt_s, rng)
    grade = dynamics.follow(roads.grade, hill, _BENDS, dt_s)
    remaining = roads.remaining - dt_s
    due = np.flatnonzero(remaining <= 0.0)
    if not due.size:
        return Roads(roads.kind, roads.speed, remaining, hill, grade)
    kind, speed = roads.kind.copy(), roads.speed.copy()
    kind[due] = _turn(kind[due], rng)
    stops = (rng.random(due.size) < _STOPS[kind[due]]) & (speed[due] > 0.0)
    wished = _SPEED[kind[due]] + _SPREAD[kind[due]] * rng.standard_normal(due.size)
    speed[due] = np.where(stops, 0.0, np.maximum(wished, 3.0))
    leg = _LASTS[kind[due]] * rng.uniform(0.4, 1.6, due.size)
    remaining[due] = np.where(stops, driven[due] / _BRAKING + _WAIT * rng.standard_exponential(due.size), leg)
    return Roads(kind, speed, remaining, hill, grade)


def _turn(
    kind: np.ndarray[tuple[int], np.dtype[np.int64]], rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Draw the road that follows each."""
    other = (rng.random((kind.size, 1)) >= _SHARES).sum(axis=1)
    return np.where(rng.random(kind.size) < _CHANGES[kind], other, kind)
