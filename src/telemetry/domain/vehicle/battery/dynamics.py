"""How a quantity of n vehicles moves in time, whatever the length of a step: it follows another, wanders or shifts."""

import math

import numpy as np

from telemetry.domain.vehicle.battery.parameters import Floats


def follow(value: Floats, target: Floats, tau_s: float, dt_s: float) -> Floats:
    """Return `value`, (n,), `dt_s` seconds closer to `target`, with a lag of first order."""
    return target + math.exp(-dt_s / tau_s) * (value - target)


def wander(value: Floats, sigma: float, tau_s: float, dt_s: float, rng: np.random.Generator) -> Floats:
    """Return `value`, (n,), after `dt_s` seconds of an Ornstein-Uhlenbeck process around 0."""
    remains = math.exp(-dt_s / tau_s)
    wandered: Floats = remains * value
    wandered += math.sqrt(1.0 - remains**2) * sigma * rng.standard_normal(len(value))
    return wandered


def shift(value: Floats, sigma: float, stays_s: float, dt_s: float, rng: np.random.Generator) -> Floats:
    """Return `value`, (n,), drawn anew for those who shift within `dt_s` seconds, which each does every `stays_s`."""
    shifts = rng.random(len(value)) < -math.expm1(-dt_s / stays_s)
    return np.where(shifts, sigma * rng.standard_normal(len(value)), value)
