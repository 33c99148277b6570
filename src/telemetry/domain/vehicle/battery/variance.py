"""Individual packs: figures that are drawn once for a vehicle, so that no two packs or cells are alike."""

import math
from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery.curve import along
from telemetry.domain.vehicle.battery.pack import Packs, PackState
from telemetry.domain.vehicle.battery.parameters import Floats, Parameters, Variance

GROWTH: Final = 1.5
"""The share that a resistance gains, divided by the share of capacity that is lost.

[chosen: real packs at 77 % health had factors of 0.9 to 1.4 (OBDb/BMW-i3), their temperature included]
"""

_AGED: Final = 0.77  # the health at which `Variance.capacity_sigma_aged` was read


def draw_packs(
    parameters: Parameters,
    vehicles: int,
    rng: np.random.Generator,
    *,
    health: float = 1.0,
    ambient: float | None = None,
) -> Packs:
    """Draw what is constant of each of `vehicles` packs.

    `health` is the share of the nominal capacity that is left. `ambient` is the temperature around all packs
    in degC; without it each pack has its own.
    """
    variance = parameters.variance
    sigma = capacity_sigma(variance, health)
    # Drawn in any case, so that the draws that follow do not depend on `ambient`.
    around = along(variance.ambient, rng.random((vehicles, 1)))
    return Packs(
        parameters=parameters,
        capacity=health * parameters.cell.capacity_ah * (1.0 + _draw_cells(parameters, vehicles, sigma, rng)),
        resistance=(1.0 + GROWTH * (1.0 - health))
        * (1.0 + _draw_cells(parameters, vehicles, variance.resistance_sigma, rng)),
        ambient=(around if ambient is None else np.full_like(around, ambient))
        + _draw_module_offsets(parameters, vehicles, rng),
    )


def capacity_sigma(variance: Variance, health: float) -> float:
    """Return the sigma of cells' capacities at a health; it grows in proportion to the capacity lost."""
    aged = (1.0 - health) / (1.0 - _AGED)
    return variance.capacity_sigma + aged * (variance.capacity_sigma_aged - variance.capacity_sigma)


def draw_start(packs: Packs, rng: np.random.Generator) -> PackState:
    """Draw the state in which the packs start: at rest and as warm as their surroundings."""
    variance = packs.parameters.variance
    vehicles = len(packs.capacity)
    soc = along(variance.start_soc, rng.random((vehicles, 1)))
    return rest(packs, soc + _draw_cells(packs.parameters, vehicles, variance.soc_sigma, rng))


def rest(packs: Packs, soc: Floats) -> PackState:
    """Return packs at rest and as warm as their surroundings; `soc` in % broadcasts to (n, cells)."""
    return PackState(
        soc=np.clip(np.broadcast_to(soc, packs.capacity.shape), 0.0, 100.0),
        through_pairs=np.zeros((len(packs.parameters.cell.pairs), len(packs.capacity))),
        temperature=packs.ambient.copy(),
    )


def nominal(parameters: Parameters, vehicles: int, ambient: float) -> Packs:
    """Return packs that are all alike, with nominal figures and `ambient` degC around each module."""
    structure = parameters.structure
    return Packs(
        parameters=parameters,
        capacity=np.full((vehicles, structure.cells), parameters.cell.capacity_ah),
        resistance=np.ones((vehicles, structure.cells)),
        ambient=np.full((vehicles, structure.modules), ambient),
    )


def _draw_cells(parameters: Parameters, vehicles: int, sigma: float, rng: np.random.Generator) -> Floats:
    """Draw a deviation for every cell, (vehicles, cells); the cells of a module have a share in common."""
    structure, share = parameters.structure, parameters.variance.module_share
    each = (vehicles, structure.modules, structure.cells_per_module)
    module = rng.normal(0.0, sigma * math.sqrt(share), (vehicles, structure.modules, 1))
    cell = rng.normal(0.0, sigma * math.sqrt(1.0 - share), each)
    return (module + cell).reshape(vehicles, structure.cells)


def _draw_module_offsets(parameters: Parameters, vehicles: int, rng: np.random.Generator) -> Floats:
    """Draw by how much each module's place is warmer than the pack, (vehicles, modules) in K.

    The places in the middle are the warmest.
    """
    place = np.linspace(-1.0, 1.0, parameters.structure.modules)
    height = place**2
    profile: Floats = (height.mean() - height) / np.ptp(height)
    return rng.uniform(*parameters.variance.temperature_spread, (vehicles, 1)) * profile
