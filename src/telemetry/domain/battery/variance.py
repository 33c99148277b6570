"""Individual packs: what is drawn once for a vehicle, so that no two packs and no two cells are alike."""

import math

import numpy as np

from telemetry.domain.battery.pack import Packs, PackState
from telemetry.domain.battery.parameters import Floats, Parameters


def draw_packs(parameters: Parameters, vehicles: int, rng: np.random.Generator) -> Packs:
    """Draw what stays the same about each of `vehicles` packs."""
    variance = parameters.variance
    return Packs(
        parameters=parameters,
        capacity=parameters.cell.capacity_ah
        * (1.0 + _draw_cells(parameters, vehicles, variance.capacity_sigma, rng)),
        resistance=1.0 + _draw_cells(parameters, vehicles, variance.resistance_sigma, rng),
        ambient=rng.uniform(*variance.ambient, (vehicles, 1))
        + _draw_module_offsets(parameters, vehicles, rng),
    )


def draw_start(packs: Packs, rng: np.random.Generator) -> PackState:
    """Draw the state in which the packs are found: at rest and as warm as their surroundings."""
    variance = packs.parameters.variance
    vehicles = len(packs.capacity)
    soc = rng.uniform(*variance.start_soc, (vehicles, 1))
    return PackState(
        soc=np.clip(soc + _draw_cells(packs.parameters, vehicles, variance.soc_sigma, rng), 0.0, 100.0),
        rc_current=np.zeros(vehicles),
        temperature=packs.ambient.copy(),
    )


def _draw_cells(parameters: Parameters, vehicles: int, sigma: float, rng: np.random.Generator) -> Floats:
    """Draw a deviation for every cell, (vehicles, cells); the cells of one module have their share in common."""
    structure, share = parameters.structure, parameters.variance.module_share
    each = (vehicles, structure.modules, structure.cells_per_module)
    module = rng.normal(0.0, sigma * math.sqrt(share), (vehicles, structure.modules, 1))
    cell = rng.normal(0.0, sigma * math.sqrt(1.0 - share), each)
    return (module + cell).reshape(vehicles, structure.cells)


def _draw_module_offsets(parameters: Parameters, vehicles: int, rng: np.random.Generator) -> Floats:
    """Draw by how much each module's place is warmer than the pack, (vehicles, modules) in K; the middle most."""
    place = np.linspace(-1.0, 1.0, parameters.structure.modules)
    height = place**2
    profile: Floats = (height.mean() - height) / np.ptp(height)
    return rng.uniform(*parameters.variance.temperature_spread, (vehicles, 1)) * profile
