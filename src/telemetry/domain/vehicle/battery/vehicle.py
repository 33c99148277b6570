"""The power that a car asks of its battery at a speed, by the forces that act on it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery.parameters import Floats

_GRAVITY: Final = 9.81  # m/s2
_AIR: Final = 1.2  # kg/m3
_STILL: Final = 0.3  # m/s below which a car stands


@dataclass(frozen=True, slots=True)
class Vehicle:
    """The car and its drivetrain.

    Fits are robust regressions of battery power over 36 real trips (`parameters`).
    """

    mass: float = 1390.0  # kg with its load [fit 1384; the kerb weight is 1195]
    drag: float = 0.57  # m2, coefficient times area [fit]
    rolling: float = 0.010  # [fit]
    driving: float = 0.81  # share of the battery's power that reaches the wheels [fit]
    # share of the wheels' power that reaches the battery [fit near 1.0; chosen lower, because there are
    # losses]
    braking: float = 0.92
    # W that the battery takes at most; the friction brakes take the rest [fit]
    recuperation: float = 49.6e3
    power: float = 125e3  # W that the battery gives at most: the motor's rating
    # m/s between which recuperation sets in [chosen: the car brakes by it down to walking pace]
    fades: tuple[float, float] = (1.0, 3.5)
    moving: float = 0.4e3  # W that the drivetrain takes for turning [fit: 1.1e3 with all that is always on]


I3: Final = Vehicle()


def battery_power(vehicle: Vehicle, speed: Floats, acceleration: Floats, grade: Floats) -> Floats:
    """Return the power that the drivetrain draws, (n,) in W, negative when it recuperates.

    `speed` is in m/s, `acceleration` in m/s2, and `grade` is the rise per way.
    """
    uphill = acceleration + _GRAVITY * (grade + vehicle.rolling)
    force = vehicle.mass * uphill + 0.5 * _AIR * vehicle.drag * speed**2
    wheels = np.where(speed > _STILL, force * speed, 0.0)
    slow, fast = vehicle.fades
    gained = wheels * vehicle.braking * np.clip((speed - slow) / (fast - slow), 0.0, 1.0)
    power = np.where(wheels > 0.0, wheels / vehicle.driving, gained)
    power += np.where(speed > _STILL, vehicle.moving, 0.0)
    return np.clip(power, -vehicle.recuperation, vehicle.power)
