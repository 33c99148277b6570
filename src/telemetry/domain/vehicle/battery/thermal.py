"""The thermal network: modules that take up heat, pass it to their neighbours, the surroundings and the coolant.

A module's heat capacity is C, its own losses are h, and neighbours are joined by g, so that C dT/dt = q + h T_amb
- K T with a matrix K. While q is constant, that has a closed form, and the length of a step does not matter.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from telemetry.domain.vehicle.battery.parameters import Floats, Parameters, Thermal


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """What a step does to the modules' temperatures, each (modules, modules)."""

    remains: Floats  # of the temperature before
    gained: Floats  # K, of a constant inflow in W


def advance(
    parameters: Parameters, temperature: Floats, ambient: Floats, heat: Floats, dt_s: float
) -> Floats:
    """Return the modules' temperatures after `dt_s` seconds.

    `temperature` and `ambient` are (n, modules) in degC; `heat` is what becomes warm in each, (n, modules) in W,
    less what the coolant takes.
    """
    modules, thermal = parameters.structure.modules, parameters.thermal
    step = _integrate(thermal, modules, dt_s)
    inflow = heat + (thermal.loss / modules) * ambient
    after: Floats = temperature @ step.remains + inflow @ step.gained
    return after


def cooled(parameters: Parameters, temperature: Floats) -> Floats:
    """Return what the coolant takes from each module, (n, modules) in W, as its warmest module asks for."""
    thermal = parameters.thermal
    start, full = thermal.cooling_range
    share: Floats = np.clip((temperature.max(axis=1) - start) / (full - start), 0.0, 1.0)
    if not share.any():  # most of the year
        return np.zeros_like(temperature)
    warmer = np.maximum(temperature - thermal.coolant, 0.0)
    return (thermal.cooling / parameters.structure.modules) * share[:, np.newaxis] * warmer


@lru_cache
def _integrate(thermal: Thermal, modules: int, dt_s: float) -> _Step:
    """Solve the network for a step, in the modes in which it decays."""
    capacity = thermal.heat_capacity / modules
    rates, modes = np.linalg.eigh(_conductances(thermal, modules) / capacity)
    exponents = rates * dt_s
    # the slowest mode of a pack that loses nothing has no rate at all
    share = np.divide(-np.expm1(-exponents), exponents, out=np.ones(modules), where=np.abs(exponents) > 1e-12)  # noqa: PLR2004  # where the limit holds to the last digit
    return _Step(
        remains=(modes * np.exp(-exponents)) @ modes.T, gained=(modes * (share * dt_s / capacity)) @ modes.T
    )


def _conductances(thermal: Thermal, modules: int) -> Floats:
    """Return K, (modules, modules) in W/K: the modules stand in a row."""
    neighbours = np.eye(modules, k=1) + np.eye(modules, k=-1)
    laplacian = np.diag(neighbours.sum(axis=1)) - neighbours
    matrix: Floats = thermal.conduction * laplacian + np.eye(modules) * thermal.loss / modules
    return matrix
