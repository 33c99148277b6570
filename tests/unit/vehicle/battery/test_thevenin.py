"""One cell against another project's model of the same circuit."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from telemetry.domain.vehicle.battery.pack import Packs, cell_voltages, step
from telemetry.domain.vehicle.battery.parameters import Floats, Resistance, Structure
from telemetry.domain.vehicle.battery.variance import nominal, rest
from telemetry.domain.vehicle.battery.variants import I3_60AH

PEAK_A = 300.0
PARTS = 20  # steps a second, so that ours follows the ramps between the cycle's seconds
START_SOC = 70.0


def _us06() -> Floats:
    file = Path(__file__).with_name("us06.txt")
    values = " ".join(file.read_text().splitlines()[1:]).split()
    return -PEAK_A * np.array(values, dtype=np.float64)


def _two_pairs_at_25_degc() -> Packs:
    """One cell with what the other model knows: R0 and two pairs, of one temperature."""
    cell = replace(I3_60AH.cell, transfer=Resistance(0.0, 0.0), pairs=I3_60AH.cell.pairs[1:])
    thermal = replace(I3_60AH.thermal, heat_capacity=1e12)
    return nominal(replace(I3_60AH, cell=cell, thermal=thermal, structure=Structure(1, 1)), 1, 25.0)


def _ours(packs: Packs, current: Floats) -> Floats:
    fine = np.interp(np.arange((len(current) - 1) * PARTS + 1) / PARTS, np.arange(len(current)), current)
    state = rest(packs, np.array([[START_SOC]]))
    volts = [cell_voltages(packs, state, fine[:1])[0, 0]]
    for number, (before, after) in enumerate(pairwise(fine), start=1):
        state = step(packs, state, np.array([(before + after) / 2]), 1.0 / PARTS)
        if number % PARTS == 0:
            volts.append(cell_voltages(packs, state, np.array([after]))[0, 0])
    return np.array(volts)


@pytest.mark.filterwarnings("ignore")  # the other project's own
def test_a_cell_agrees_with_pybamms_thevenin_model_over_us06_within_a_millivolt():
    pybamm = pytest.importorskip("pybamm", reason="the dependency group `bench` is not installed")
    packs, current = _two_pairs_at_25_degc(), _us06()
    cell, seconds = packs.parameters.cell, np.arange(len(current), dtype=np.float64)
    model = pybamm.equivalent_circuit.Thevenin(options={"number of rc elements": 2})
    values = model.default_parameter_values
    soc, volts = np.array(cell.ocv).T
    values.update(
        {
            "Initial SoC": START_SOC / 100,
            "Cell capacity [A.h]": cell.capacity_ah,
            "Nominal cell capacity [A.h]": cell.capacity_ah,
            "Current function [A]": pybamm.Interpolant(seconds, -current, pybamm.t),
            "Open-circuit voltage [V]": lambda share: pybamm.Interpolant(soc / 100, volts, share),
            "Entropic change [V/K]": 0.0,
            "Cell thermal mass [J/K]": 1e12,
            "Upper voltage cut-off [V]": 5.0,
            "Lower voltage cut-off [V]": 1.0,
            "R0 [Ohm]": cell.ohmic.ohm,
            "R1 [Ohm]": cell.pairs[0].resistance.ohm,
            "C1 [F]": cell.pairs[0].tau_s / cell.pairs[0].resistance.ohm,
            "R2 [Ohm]": cell.pairs[1].resistance.ohm,
            "C2 [F]": cell.pairs[1].tau_s / cell.pairs[1].resistance.ohm,
            "Element-2 initial overpotential [V]": 0.0,
        },
        check_already_exists=False,
    )
    solution = pybamm.Simulation(model, parameter_values=values).solve([0.0, seconds[-1]], t_interp=seconds)
    theirs = solution["Voltage [V]"](seconds)
    assert np.abs(_ours(packs, current) - theirs).max() < 1e-3
