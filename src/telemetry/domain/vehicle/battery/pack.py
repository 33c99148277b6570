"""The physics of many packs: the effect of a current on SoC, RC pairs, temperature and voltages.

One current flows through all cells of a pack. Each cell has its own charge and its own resistance. Heat is
counted per module. Within a step the current is constant, and everything is integrated in closed form with
the resistances at its start. So the length of a step does not change the result. A fleet of several variants
has packs of each.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from telemetry.domain.vehicle.battery import electric, thermal
from telemetry.domain.vehicle.battery.parameters import Floats, Parameters


@dataclass(frozen=True, eq=False)
class Packs:
    """What is constant of n individual packs of one variant."""

    parameters: Parameters
    capacity: Floats  # (n, cells), Ah
    resistance: Floats  # (n, cells), factors of the nominal cell's, for R0 and for the pairs
    ambient: Floats  # (n, modules), degC around each module, with the effect of its place in the pack

    @cached_property
    def percent_per_ah(self) -> Floats:
        """The SoC that an ampere hour adds to each cell, (n, cells) in %/Ah."""
        return 100.0 / self.capacity

    @cached_property
    def most_percent_per_ah(self) -> Floats:
        """The SoC that it adds to the smallest cell of each pack, (n,) in %/Ah."""
        most: Floats = self.percent_per_ah.max(axis=1)
        return most

    @cached_property
    def highest_resistance(self) -> Floats:
        """The highest of each pack's factors of resistance, (n,)."""
        highest: Floats = self.resistance.max(axis=1)
        return highest

    @cached_property
    def module_resistance(self) -> Floats:
        """The sum of the factors of resistance of each module's cells, (n, modules)."""
        structure = self.parameters.structure
        cells = self.resistance.reshape(-1, structure.modules, structure.cells_per_module)
        total: Floats = cells.sum(axis=2)
        return total


@dataclass(frozen=True, eq=False)
class PackState:
    """What changes of n packs."""

    soc: Floats  # (n, cells), %
    through_pairs: Floats  # (pairs, n), A through the resistor of each RC pair
    temperature: Floats  # (n, modules), degC

    @cached_property
    def mean_soc(self) -> Floats:
        """The SoC of each pack, (n,) in %."""
        mean: Floats = self.soc.mean(axis=1)
        return mean


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """The sources and the sink of a step's heat, each (n, modules) in W as the mean over the step."""

    ohmic: Floats  # I (V - OCV)
    entropic: Floats  # I T dOCV/dT, negative where discharging cools
    cooled: Floats  # taken by the coolant


def step(packs: Packs, state: PackState, current: Floats, dt_s: float) -> PackState:
    """Return the state after `dt_s` > 0 seconds of a constant current.

    The current is (n,) in A, and negative when discharging.
    """
    parameters = packs.parameters
    heat = heats(packs, state, current, dt_s)
    inflow = heat.ohmic + heat.entropic - heat.cooled
    return PackState(
        soc=_count_coulombs(packs, state, current, dt_s),
        through_pairs=electric.relax(parameters.cell, state.through_pairs, current, dt_s),
        temperature=thermal.advance(parameters, state.temperature, packs.ambient, inflow, dt_s),
    )


def cell_voltages(packs: Packs, state: PackState, current: Floats) -> Floats:
    """Return the terminal voltage of every cell, (n, cells) in V, while `current`, (n,) in A, flows."""
    cell, structure = packs.parameters.cell, packs.parameters.structure
    each = (len(current), structure.modules, structure.cells_per_module)
    over = electric.overpotential(cell, state.temperature, current, state.through_pairs)
    voltage = packs.resistance.reshape(each) * over[:, :, np.newaxis]
    voltage += warmth(packs, state)[:, :, np.newaxis]
    voltage += electric.open_circuit_voltage(cell, state.soc).reshape(each)
    return voltage.reshape(packs.resistance.shape)


def resting_voltage(packs: Packs, state: PackState) -> Floats:
    """Return the voltage that the packs settle at without a current, (n,) in V, which is their OCV."""
    cells = electric.open_circuit_voltage(packs.parameters.cell, state.soc).sum(axis=1)
    total: Floats = cells + packs.parameters.structure.cells_per_module * warmth(packs, state).sum(axis=1)
    return total


def warmth(packs: Packs, state: PackState) -> Floats:
    """Return what temperature adds to the OCV at 25 degC of a cell in each module, (n, modules) in V."""
    slope = _entropic_slope(packs, state)
    slope += electric.reading_slope(packs.parameters.cell, state.mean_soc)[:, np.newaxis]
    return slope * (state.temperature - (electric.REFERENCE - electric.ZERO))


def heats(packs: Packs, state: PackState, current: Floats, dt_s: float) -> Heat:
    """Return the heat of `dt_s` seconds of a constant current, (n,) in A.

    The heat is I (V - OCV) + I T dOCV/dT with the current positive when charging, after D. Bernardi, E.
    Pawlikowski, J. Newman, J. Electrochem. Soc. 132 (1985) 5.
    """
    cell, structure = packs.parameters.cell, packs.parameters.structure
    amperes = current[:, np.newaxis]
    through = electric.relax_mean(cell, state.through_pairs, current, dt_s)
    over = electric.overpotential(cell, state.temperature, current, through)
    slope = _entropic_slope(packs, state)
    return Heat(
        ohmic=amperes * over * packs.module_resistance,
        entropic=structure.cells_per_module * amperes * slope * (state.temperature + electric.ZERO),
        cooled=thermal.cooled(packs.parameters, state.temperature),
    )


def _entropic_slope(packs: Packs, state: PackState) -> Floats:
    """Return dOCV/dT, (n, 1) in V/K, at the pack's mean SoC; the cells of a pack differ little from it."""
    return electric.entropic_slope(packs.parameters.cell, state.mean_soc)[:, np.newaxis]


def _count_coulombs(packs: Packs, state: PackState, current: Floats, dt_s: float) -> Floats:
    """Return the SoC of each cell in %, after the charge by its own capacity, and within 0 to 100 %."""
    ampere_hours = current * (dt_s / 3600.0)
    soc = ampere_hours[:, np.newaxis] * packs.percent_per_ah
    soc += state.soc
    return np.clip(soc, 0.0, 100.0, out=soc)
