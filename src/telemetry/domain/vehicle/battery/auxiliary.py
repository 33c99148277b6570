"""The power that a car draws for all but driving: pumps, lights, 12 V and the cabin.

Levels and fluctuations are those of standing cars in the TUM trips (source in `parameters`).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery import climate, dynamics
from telemetry.domain.vehicle.battery.parameters import Floats

# W, median, and the spread of its logarithm; 0.35 to 2.4 kW with the cabin after 5 min
_BASE: Final = (0.7e3, 0.45)
_WANDERS: Final = 0.15  # share of all that is drawn, standard deviation
_WANDERS_FOR_S: Final = 25.0  # time constant
_JITTER: Final = 15.0  # W, standard deviation from one sample to the next
_SWITCHED: Final = 0.077  # share of the cabin's power that is jitter too, because the heater is switched
_JITTER_SAMPLE_S: Final = 0.2  # interval at which the jitter was seen


@dataclass(frozen=True, slots=True, eq=False)
class Auxiliaries:
    """What n cars draw, each (n,)."""

    base: Floats  # W
    wandering: Floats  # share by which all power is higher


def start(vehicles: int, rng: np.random.Generator) -> Auxiliaries:
    """Draw at random the power that each car takes when nothing is heated or cooled."""
    median, spread = _BASE
    base = median * np.exp(spread * rng.standard_normal(vehicles))
    return Auxiliaries(base, _WANDERS * rng.standard_normal(vehicles))


def advance(auxiliaries: Auxiliaries, dt_s: float, rng: np.random.Generator) -> Auxiliaries:
    """Return the auxiliaries `dt_s` seconds later."""
    wandering = dynamics.wander(auxiliaries.wandering, _WANDERS, _WANDERS_FOR_S, dt_s, rng)
    return Auxiliaries(auxiliaries.base, wandering)


def usual(ambient: Floats, running_s: Floats) -> Floats:
    """Return what a median car draws without any fluctuation, (n,) in W."""
    return _BASE[0] + climate.power(ambient, running_s)


def power(
    auxiliaries: Auxiliaries, ambient: Floats, running_s: Floats, dt_s: float, rng: np.random.Generator
) -> Floats:
    """Return the mean power over `dt_s` seconds, (n,) in W.

    It is `ambient` degC outside, and the car was started `running_s` seconds ago.
    """
    cabin = climate.power(ambient, running_s)
    steady = (auxiliaries.base + cabin) * (1.0 + auxiliaries.wandering)
    jitter = (_JITTER + _SWITCHED * cabin) * math.sqrt(min(1.0, _JITTER_SAMPLE_S / dt_s))
    return np.maximum(steady + jitter * rng.standard_normal(len(cabin)), 0.0)
