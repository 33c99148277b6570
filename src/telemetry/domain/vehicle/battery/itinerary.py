"""What vehicles do all day: drive, park, and charge at home or at a fast charger, by a profile of chances."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from telemetry.domain.vehicle.battery.parameters import Floats


class Activity(IntEnum):
    """What a vehicle does; the value is the row in the tables below."""

    DRIVE = 0
    PARK = 1
    CHARGE_AC = 2
    CHARGE_DC = 3


Activities: TypeAlias = npt.NDArray[np.int64]

LOW: Final = 20.0  # % of SoC below which a driver looks for a fast charger
ENOUGH: Final = 80.0  # % at which they leave it again
FULL: Final = 85.0  # % at which a vehicle at home is charged

_LASTS_S: Final = np.array([1500.0, 1800.0, 14400.0, 2400.0])
"""How long each activity lasts, mean. Trips of the TUM data last 22 min.

Parking is shorter than in life, where it would take 96 % of a run [chosen].
"""


@dataclass(frozen=True, slots=True)
class Profile:
    """The chances of each activity; the columns are drive, park, AC, DC."""

    first: tuple[float, float, float, float]  # share of vehicles that do it at the start
    after_drive: tuple[float, float, float, float]
    after_park: tuple[float, float, float, float]
    after_charge: tuple[float, float, float, float]


PROFILES: Final[Mapping[str, Profile]] = {
    "drive": Profile((1, 0, 0, 0), (1, 0, 0, 0), (1, 0, 0, 0), (1, 0, 0, 0)),
    "commute": Profile((0.5, 0.3, 0.2, 0), (0, 0.6, 0.4, 0), (1, 0, 0, 0), (0.7, 0.3, 0, 0)),
    "charge": Profile((0, 0, 0.5, 0.5), (0, 0, 0.5, 0.5), (0, 0, 0.5, 0.5), (1, 0, 0, 0)),
    "mixed": Profile((0.55, 0.2, 0.15, 0.1), (0.1, 0.5, 0.2, 0.2), (0.8, 0, 0.1, 0.1), (0.7, 0.3, 0, 0)),
}
"""The profiles by their names on the command line."""


@dataclass(frozen=True, slots=True, eq=False)
class Itineraries:
    """What n vehicles do, each (n,)."""

    profile: Profile
    activity: Activities
    remaining_s: Floats  # until the planned end of the activity
    running_s: Floats  # since the car was started


def start(profile: Profile, vehicles: int, rng: np.random.Generator) -> Itineraries:
    """Draw an activity for each vehicle, and how much of it is left."""
    activity = _draw(np.array([profile.first] * vehicles).reshape(vehicles, 4), rng)
    return Itineraries(profile, activity, _LASTS_S[activity] * rng.random(vehicles), np.zeros(vehicles))


def advance(
    itineraries: Itineraries,
    soc: Floats,
    standing: npt.NDArray[np.bool_],
    dt_s: float,
    rng: np.random.Generator,
) -> Itineraries:
    """Return the itineraries `dt_s` seconds later.

    `soc` is in %. A vehicle that drives goes on driving until it is `standing`.
    """
    profile, remaining_s = itineraries.profile, itineraries.remaining_s - dt_s
    activity, driving = itineraries.activity, itineraries.activity == Activity.DRIVE
    running_s = np.where(driving, itineraries.running_s + dt_s, 0.0)
    empty = driving & standing & (soc < LOW)
    charged = (activity == Activity.CHARGE_DC) & (soc >= ENOUGH)
    charged |= (activity == Activity.CHARGE_AC) & (soc >= FULL)
    due = np.flatnonzero(empty | charged | ((remaining_s <= 0.0) & (standing | ~driving)))
    if not due.size:
        return Itineraries(profile, activity, remaining_s, running_s)
    activity = activity.copy()
    chances = np.array([profile.after_drive, profile.after_park, profile.after_charge, profile.after_charge])
    drawn = _draw(chances[activity[due]], rng)
    activity[due] = np.where(empty[due], Activity.CHARGE_DC, drawn)
    remaining_s[due] = _LASTS_S[activity[due]] * rng.uniform(0.5, 1.5, due.size)
    return Itineraries(profile, activity, remaining_s, running_s)


def _draw(chances: Floats, rng: np.random.Generator) -> Activities:
    """Draw an activity for each row of chances."""
    # Without the last threshold, rounding in the sum cannot lead beyond the last activity.
    thresholds = chances.cumsum(axis=1)[:, :-1]
    drawn: Activities = (rng.random((len(chances), 1)) >= thresholds).sum(axis=1)
    return drawn
