"""The driver: follows the speed that the road allows, with a foot on the pedal that is never quite still."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery import dynamics
from telemetry.domain.vehicle.battery.parameters import Floats

LONGEST_STEP_S: Final = 0.5
"""How long a step of drivers may last at most, because they react within that time."""

# Found by a search, together with the figures in `road` and `auxiliary`, so that windows of 30 s have the
# currents, the steps and the autocorrelations of windows of the trips (`model/realism.py`).
_APPROACH_S: Final = 5.4  # time over which a driver approaches a speed
_PULL: Final = (0.70, 0.12)  # m/s2 of accelerating, median, and the spread of its logarithm
_BRAKE: Final = (1.75, 0.16)  # m/s2 of braking, the same
_PULL_ENDS_AT: Final = 55.0  # m/s at which nothing is left of the pull
_WANDERS: Final = 0.25  # m/s2, standard deviation of the foot's wandering
_WANDERS_FOR_S: Final = 2.5  # time constant
_SHIFTS: Final = 0.44  # m/s2, standard deviation of where the foot shifts to, and stays
_STAYS_S: Final = 2.9  # mean time between two shifts
_FOOT_S: Final = 0.28  # time constant with which the foot reaches where the driver wants it
_RESPONSE_S: Final = 0.34  # time constant with which the car follows the foot
_TEMPER_S: Final = 11.4  # mean time for which one way of accelerating lasts


@dataclass(frozen=True, slots=True, eq=False)
class Drivers:
    """The state of n drivers, each (n,)."""

    speed: Floats  # m/s
    acceleration: Floats  # m/s2
    foot: Floats  # m/s2 that it asks for
    wandering: Floats  # m/s2
    shift: Floats  # m/s2
    pull: Floats  # m/s2 with which they accelerate at present
    brake: Floats  # m/s2 with which they brake at present


def start(vehicles: int, rng: np.random.Generator) -> Drivers:
    """Return drivers that stand, each with a pull and a brake of their own."""
    nothing = np.zeros(vehicles)
    pull, brake = _temper(_PULL, vehicles, rng), _temper(_BRAKE, vehicles, rng)
    return Drivers(nothing, nothing, nothing, nothing, nothing, pull, brake)


def advance(drivers: Drivers, allowed: Floats, dt_s: float, rng: np.random.Generator) -> Drivers:
    """Return the drivers `dt_s` seconds later, which is at most LONGEST_STEP_S.

    `allowed` is the speed of the road, (n,) in m/s, and 0 to stop.
    """
    pull, brake = _redraw_temper(drivers, dt_s, rng)
    wandering = dynamics.wander(drivers.wandering, _WANDERS, _WANDERS_FOR_S, dt_s, rng)
    shift = dynamics.shift(drivers.shift, _SHIFTS, _STAYS_S, dt_s, rng)
    wanted = (allowed - drivers.speed) / _APPROACH_S
    wanted = np.clip(wanted, -brake, pull * np.maximum(1.0 - drivers.speed / _PULL_ENDS_AT, 0.0))
    wanted += np.where(allowed > 0.0, wandering + shift, 0.0)
    foot = dynamics.follow(drivers.foot, wanted, _FOOT_S, dt_s)
    acceleration = dynamics.follow(drivers.acceleration, foot, _RESPONSE_S, dt_s)
    speed = np.maximum(drivers.speed + acceleration * dt_s, 0.0)
    return Drivers(speed, (speed - drivers.speed) / dt_s, foot, wandering, shift, pull, brake)


def _redraw_temper(drivers: Drivers, dt_s: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return pull and brake, drawn anew for some of the drivers."""
    due = np.flatnonzero(rng.random(len(drivers.pull)) < dt_s / _TEMPER_S)
    pull, brake = drivers.pull.copy(), drivers.brake.copy()
    pull[due], brake[due] = _temper(_PULL, due.size, rng), _temper(_BRAKE, due.size, rng)
    return pull, brake


def _temper(of: tuple[float, float], vehicles: int, rng: np.random.Generator) -> Floats:
    """Draw a value a vehicle from a log-normal distribution with a median and a spread."""
    median, spread = of
    drawn: Floats = median * np.exp(spread * rng.standard_normal(vehicles))
    return drawn
