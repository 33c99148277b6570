"""The road ahead: legs of city, country road and motorway, each with a speed to drive at, or a stop.

Shares, speeds and stops are chosen so that speeds come near the speeds of the TUM trips (source in
`parameters`): 13 % of the time below 1 km/h, a third each up to 30 and to 60 km/h, a fifth to 90 km/h, an
eighth above.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery import dynamics
from telemetry.domain.vehicle.battery.parameters import Floats

# by kind of road: city, country, motorway
_SPEED: Final = np.array([8.7, 22.1, 28.8])  # m/s, mean of the speeds driven at
_SPREAD: Final = np.array([2.8, 3.9, 4.4])  # m/s, their standard deviation
_LASTS_S: Final = np.array([17.0, 26.9, 45.1])  # mean duration of a leg
_STOPS: Final = np.array([0.25, 0.23, 0.0])  # share of legs that end at a light or a crossing
_CHANGES: Final = np.array([0.04, 0.07, 0.10])  # share of legs after which the road changes
_SHARES: Final = np.array([0.50, 0.85])  # thresholds of the draw of the next road
_WAIT_S: Final = 14.0  # mean duration of a stop; 14 s on the trips, the median 7 s
_BRAKING: Final = 0.81  # m/s2, from which the time to brake to a stop is planned
_GRADES: Final = 0.017  # standard deviation of the grade
_GRADE_S: Final = 28.0  # mean time for which a grade lasts
_BEND_S: Final = 3.1  # time constant with which one grade becomes the next


@dataclass(frozen=True, slots=True, eq=False)
class Roads:
    """Where n vehicles are, each (n,)."""

    kind: np.ndarray[tuple[int], np.dtype[np.int64]]  # row in the tables above
    speed: Floats  # m/s to drive at; 0 is a stop
    remaining_s: Floats  # until the next leg
    next_grade: Floats  # rise per way that the grade approaches
    grade: Floats  # rise per way


def start(vehicles: int, rng: np.random.Generator) -> Roads:
    """Return roads on which all vehicles stand; each leaves at its own time."""
    return Roads(
        kind=(rng.random((vehicles, 1)) >= _SHARES).sum(axis=1),
        speed=np.zeros(vehicles),
        remaining_s=rng.uniform(0.0, 8.0, vehicles),
        next_grade=np.zeros(vehicles),
        grade=np.zeros(vehicles),
    )


def advance(roads: Roads, driven: Floats, dt_s: float, rng: np.random.Generator) -> Roads:
    """Return the roads `dt_s` seconds later, for vehicles that drive at `driven` m/s."""
    next_grade = dynamics.shift(roads.next_grade, _GRADES, _GRADE_S, dt_s, rng)
    grade = dynamics.follow(roads.grade, next_grade, _BEND_S, dt_s)
    remaining_s = roads.remaining_s - dt_s
    due = np.flatnonzero(remaining_s <= 0.0)
    if not due.size:
        return Roads(roads.kind, roads.speed, remaining_s, next_grade, grade)
    kind, speed = roads.kind.copy(), roads.speed.copy()
    kind[due] = _turn(kind[due], rng)
    stops = (rng.random(due.size) < _STOPS[kind[due]]) & (speed[due] > 0.0)
    wished = _SPEED[kind[due]] + _SPREAD[kind[due]] * rng.standard_normal(due.size)
    speed[due] = np.where(stops, 0.0, np.maximum(wished, 3.0))
    leg_s = _LASTS_S[kind[due]] * rng.uniform(0.4, 1.6, due.size)
    stop_s = driven[due] / _BRAKING + _WAIT_S * rng.standard_exponential(due.size)
    remaining_s[due] = np.where(stops, stop_s, leg_s)
    return Roads(kind, speed, remaining_s, next_grade, grade)


def _turn(
    kind: np.ndarray[tuple[int], np.dtype[np.int64]], rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Draw the kind of road that follows each."""
    other = (rng.random((kind.size, 1)) >= _SHARES).sum(axis=1)
    return np.where(rng.random(kind.size) < _CHANGES[kind], other, kind)
