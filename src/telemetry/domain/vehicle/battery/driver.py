"""The driver: follows the speed the road allows, at a temper of their own, with a foot that is never quite still."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery import dynamics
from telemetry.domain.vehicle.battery.parameters import Floats

LONGEST: Final = 0.5
"""Seconds that one step of a driver may last: they react within less."""

# searched for, with what `road` and `auxiliary` say, so that windows of 30 s have the currents, the steps and the
# autocorrelations of those of the trips (`model/realism.py`)
_EASES: Final = 5.4  # s, over which a driver closes in on a speed
_PULL: Final = (0.70, 0.12)  # m/s2, median of how hard they accelerate, and the spread of its logarithm
_BRAKE: Final = (1.75, 0.16)  # m/s2, the same for braking
_TIRES: Final = 55.0  # m/s at which nothing is left of the pull
_RESTLESS: Final = 0.25  # m/s2, standard deviation of the foot's wandering
_WANDERS: Final = 2.5  # s, for which it lasts
_SHIFTS: Final = 0.44  # m/s2, standard deviation of where the foot shifts to, and stays
_STAYS: Final = 2.9  # s, for which it does
_FOOT: Final = 0.28  # s, in which the foot gets where it wants
_RESPONSE: Final = 0.34  # s, in which the car follows the foot
_TEMPER: Final = 11.4  # s, for which one way of accelerating lasts


@dataclass(frozen=True, slots=True, eq=False)
class Drivers:
    """What n drivers do, each (n,)."""

    speed: Floats  # m/s
    acceleration: Floats  # m/s2
    foot: Floats  # m/s2 that it asks for
    wandering: Floats  # m/s2
    shift: Floats  # m/s2
    pull: Floats  # m/s2 they accelerate with at present
    brake: Floats  # m/s2 they brake with at present


def start(vehicles: int, rng: np.random.Generator) -> Drivers:
    """Let all drivers stand, each with a temper of their own."""
    nothing = np.zeros(vehicles)
    pull, brake = _temper(_PULL, vehicles, rng), _temper(_BRAKE, vehicles, rng)
    return Drivers(nothing, nothing, nothing, nothing, nothing, pull, brake)


def advance(drivers: Drivers, allowed: Floats, dt_s: float, rng: np.random.Generator) -> Drivers:
    """Return the drivers `dt_s` <= LONGEST seconds on; `allowed` is the road's speed, (n,) in m/s, 0 to stop."""
    pull, brake = _reconsider(drivers, dt_s, rng)
    wandering = dynamics.wander(drivers.wandering, _RESTLESS, _WANDERS, dt_s, rng)
    shift = dynamics.shift(drivers.shift, _SHIFTS, _STAYS, dt_s, rng)
    wanted = (allowed - drivers.speed) / _EASES
    wanted = np.clip(wanted, -brake, pull * np.maximum(1.0 - drivers.speed / _TIRES, 0.0))
    wanted += np.where(allowed > 0.0, wandering + shift, 0.0)
    foot = dynamics.follow(drivers.foot, wanted, _FOOT, dt_s)
    acceleration = dynamics.follow(drivers.acceleration, foot, _RESPONSE, dt_s)
    speed = np.maximum(drivers.speed + acceleration * dt_s, 0.0)
    return Drivers(speed, (speed - drivers.speed) / dt_s, foot, wandering, shift, pull, brake)


def _reconsider(drivers: Drivers, dt_s: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw pull and brake anew for some."""
    due = np.flatnonzero(rng.random(len(drivers.pull)) < dt_s / _TEMPER)
    pull, brake = drivers.pull.copy(), drivers.brake.copy()
    pull[due], brake[due] = _temper(_PULL, due.size, rng), _temper(_BRAKE, due.size, rng)
    return pull, brake


def _temper(of: tuple[float, float], vehicles: int, rng: np.random.Generator) -> Floats:
    median, spread = of
    drawn: Floats = median * np.exp(spread * rng.standard_normal(vehicles))
    return drawn
