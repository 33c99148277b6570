"""The physics of a whole fleet's packs: what a current does to SoC, RC pair and temperature, and to the voltages.

One current flows through all cells of a pack. Each cell has its own charge and its own resistance; the RC pair
has one time constant for all, so one filtered current per pack says all about it. Heat is kept per module. Within
a step the current is constant and everything is integrated in closed form, so the length of a step does not change
the result.
"""

import math
from dataclasses import dataclass

import numpy as np

from telemetry.domain.battery.parameters import Cell, Floats, Parameters


@dataclass(frozen=True, slots=True, eq=False)
class Packs:
    """What stays the same about n individual packs."""

    parameters: Parameters
    capacity: Floats  # (n, cells), Ah
    resistance: Floats  # (n, cells), times the nominal cell's, for R0 and R1 alike
    ambient: Floats  # (n, modules), degC around each module, its place in the pack included


@dataclass(frozen=True, slots=True, eq=False)
class PackState:
    """What changes about n packs."""

    soc: Floats  # (n, cells), %
    rc_current: Floats  # (n,), A through R1
    temperature: Floats  # (n, modules), degC


def step(packs: Packs, state: PackState, current: Floats, dt_s: float) -> PackState:
    """Return the state after `dt_s` > 0 seconds of a constant current, (n,) in A, negative when discharging."""
    return PackState(
        soc=_count_coulombs(packs, state, current, dt_s),
        rc_current=_relax(packs, state, current, dt_s),
        temperature=_warm(packs, state, current, dt_s),
    )


def cell_voltages(packs: Packs, state: PackState, current: Floats) -> Floats:
    """Return the terminal voltage of every cell, (n, cells) in V, while `current`, (n,) in A, flows."""
    cell = packs.parameters.cell
    overpotential = cell.r0_ohm * current + cell.r1_ohm * state.rc_current
    voltage = packs.resistance * overpotential[:, np.newaxis]
    voltage += open_circuit_voltage(cell, state.soc)
    return voltage


def open_circuit_voltage(cell: Cell, soc: Floats) -> Floats:
    """Return the OCV of cells in V for their SoC in %, any shape."""
    knots = np.array(cell.ocv, dtype=np.float64)
    return np.interp(soc, knots[:, 0], knots[:, 1])


def current_limits(parameters: Parameters, soc: Floats) -> tuple[Floats, Floats]:
    """Return the lowest and the highest current, each (n,) in A, that a pack of mean SoC (n,) in % may carry.

    The lowest is at most 0 and the highest at least 0. At either of them a nominal cell ends at its voltage limit
    or within once its RC pair has settled, which gives the taper at the end of charging.
    """
    cell, structure = parameters.cell, parameters.structure
    rest = open_circuit_voltage(cell, soc)
    resistance = cell.r0_ohm + cell.r1_ohm
    lowest = np.clip((cell.voltage_min - rest) / resistance, structure.current_min, 0.0)
    highest = np.clip((cell.voltage_max - rest) / resistance, 0.0, structure.current_max)
    return lowest, highest


def _count_coulombs(packs: Packs, state: PackState, current: Floats, dt_s: float) -> Floats:
    """Add the charge to each cell by its own capacity; a cell neither falls below 0 nor rises above 100 %."""
    ampere_hours = current * (dt_s / 3600.0)
    soc = (100.0 * ampere_hours)[:, np.newaxis] / packs.capacity
    soc += state.soc
    return np.clip(soc, 0.0, 100.0, out=soc)


def _relax(packs: Packs, state: PackState, current: Floats, dt_s: float) -> Floats:
    """Let the current through R1 approach the pack's."""
    remains = math.exp(-dt_s / packs.parameters.cell.tau1_s)
    return current + (state.rc_current - current) * remains


def _warm(packs: Packs, state: PackState, current: Floats, dt_s: float) -> Floats:
    """Put the heat of R0 and R1 into each module's mass, which loses some to its surroundings.

    With d = i1 - i at the start, R1 carries i + d exp(-t / tau1), so that the heat is a sum of three exponentials
    in t. The mass answers to each in closed form.
    """
    cell, structure, thermal = packs.parameters.cell, packs.parameters.structure, packs.parameters.thermal
    cooling = thermal.loss / thermal.heat_capacity
    excess = state.rc_current - current
    joules = (cell.r0_ohm + cell.r1_ohm) * current**2 * _kept(0.0, cooling, dt_s)
    joules += 2.0 * cell.r1_ohm * current * excess * _kept(1.0 / cell.tau1_s, cooling, dt_s)
    joules += cell.r1_ohm * excess**2 * _kept(2.0 / cell.tau1_s, cooling, dt_s)
    cells = packs.resistance.reshape(-1, structure.modules, structure.cells_per_module)
    rise: Floats = cells.sum(axis=2) * (joules * structure.modules / thermal.heat_capacity)[:, np.newaxis]
    return packs.ambient + (state.temperature - packs.ambient) * math.exp(-cooling * dt_s) + rise


def _kept(fading: float, cooling: float, dt_s: float) -> float:
    """Return for how many seconds' worth of a fading heat source a cooling mass still holds the heat.

    The integral of exp(-fading u) exp(-cooling (dt - u)) for u from 0 to dt; both rates are in 1/s.
    """
    exponent = (cooling - fading) * dt_s
    growth = math.expm1(exponent) / exponent if exponent else 1.0
    return dt_s * math.exp(-cooling * dt_s) * growth
