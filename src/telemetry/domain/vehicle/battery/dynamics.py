"""How a quantity of n vehicles changes over a step of any length: by a lag, at random, or by jumps."""

import math

import numpy as np

from telemetry.domain.vehicle.battery.parameters import Floats


def follow(value: Floats, target: Floats, tau_s: float, dt_s: float) -> Floats:
    """Return `value`, (n,), after it has followed `target` for `dt_s` seconds with a lag of first order."""
    return target + math.exp(-dt_s / tau_s) * (value - target)


def wander(value: Floats, sigma: float, tau_s: float, dt_s: float, rng: np.random.Generator) -> Floats:
    """Return `value`, (n,), after `dt_s` seconds of an Ornstein-Uhlenbeck process around 0."""
    remains = math.exp(-dt_s / tau_s)
    wandered: Floats = remains * value
    wandered += math.sqrt(1.0 - remains**2) * sigma * rng.standard_normal(len(value))
    return wandered


def shift(value: Floats, sigma: float, stays_s: float, dt_s: float, rng: np.random.Generator) -> Floats:
    """Return `value`, (n,), after `dt_s` seconds; each is drawn anew every `stays_s` seconds on average."""
    shifts = rng.random(len(value)) < -math.expm1(-dt_s / stays_s)
    return np.where(shifts, sigma * rng.standard_normal(len(value)), value)
