"""The thermal network: modules store heat, and lose it to neighbours, the surroundings and the coolant.

A module has the heat capacity C and the conductance h to the surroundings. Neighbours have the conductance g
to each other. So C dT/dt = q + h T_amb - K T with a matrix K. While q is constant, that has a closed form,
and the length of a step does not matter.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery.parameters import Floats, Parameters, Thermal

_NEGLIGIBLE: Final = 1e-12  # below it, (1 - exp(-x)) / x is 1 in every digit


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """The effect of a step on the modules' temperatures, each (modules, modules)."""

    remains: Floats  # share of the temperature before
    gained: Floats  # K, by a constant inflow of 1 W


def advance(
    parameters: Parameters, temperature: Floats, ambient: Floats, heat: Floats, dt_s: float
) -> Floats:
    """Return the modules' temperatures after `dt_s` seconds.

    `temperature` and `ambient` are (n, modules) in degC. `heat` is the heat made in each minus the heat that
    the coolant takes, (n, modules) in W.
    """
    modules, thermal = parameters.structure.modules, parameters.thermal
    step = _integrate(thermal, modules, dt_s)
    inflow = heat + (thermal.loss / modules) * ambient
    after: Floats = temperature @ step.remains + inflow @ step.gained
    return after


def cooled(parameters: Parameters, temperature: Floats) -> Floats:
    """Return the heat that the coolant takes from each module, (n, modules) in W.

    The warmest module of a pack decides how much of the cooling is in use.
    """
    thermal = parameters.thermal
    start, full = thermal.cooling_range
    share: Floats = np.clip((temperature.max(axis=1) - start) / (full - start), 0.0, 1.0)
    if not share.any():  # the usual case, which is cheap
        return np.zeros_like(temperature)
    warmer = np.maximum(temperature - thermal.coolant, 0.0)
    return (thermal.cooling / parameters.structure.modules) * share[:, np.newaxis] * warmer


@lru_cache
def _integrate(thermal: Thermal, modules: int, dt_s: float) -> _Step:
    """Solve the network for a step, by its eigenmodes."""
    capacity = thermal.heat_capacity / modules
    rates, modes = np.linalg.eigh(_conductances(thermal, modules) / capacity)
    exponents = rates * dt_s
    # The slowest mode of a pack that loses no heat has the rate 0.
    is_decaying = np.abs(exponents) > _NEGLIGIBLE
    share = np.divide(-np.expm1(-exponents), exponents, out=np.ones(modules), where=is_decaying)
    return _Step(
        remains=(modes * np.exp(-exponents)) @ modes.T, gained=(modes * (share * dt_s / capacity)) @ modes.T
    )


def _conductances(thermal: Thermal, modules: int) -> Floats:
    """Return K, (modules, modules) in W/K: the modules stand in a row."""
    neighbours = np.eye(modules, k=1) + np.eye(modules, k=-1)
    laplacian = np.diag(neighbours.sum(axis=1)) - neighbours
    matrix: Floats = thermal.conduction * laplacian + np.eye(modules) * thermal.loss / modules
    return matrix
