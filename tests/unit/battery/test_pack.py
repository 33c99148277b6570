import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.battery.pack import (
    Packs,
    PackState,
    cell_voltages,
    current_limits,
    open_circuit_voltage,
    step,
)
from telemetry.domain.battery.parameters import I3_60AH, Floats, Thermal

CELL = I3_60AH.cell
CURRENTS = st.floats(-409.0, 240.0)
SECONDS = st.floats(0.01, 120.0)


@given(current=CURRENTS, dt_s=SECONDS)
def test_halving_the_step_does_not_change_the_result(packs, at_rest, amperes, current, dt_s):
    loaded = step(packs, at_rest, amperes(-80.0), 20.0)
    whole = step(packs, loaded, amperes(current), dt_s)
    half = step(packs, step(packs, loaded, amperes(current), dt_s / 2), amperes(current), dt_s / 2)
    np.testing.assert_allclose(half.soc, whole.soc, rtol=0, atol=1e-11)
    np.testing.assert_allclose(half.rc_current, whole.rc_current, rtol=0, atol=1e-10)
    np.testing.assert_allclose(half.temperature, whole.temperature, rtol=0, atol=1e-11)


@given(current=CURRENTS, dt_s=SECONDS)
def test_every_cell_counts_its_coulombs_exactly(packs, at_rest, amperes, current, dt_s):
    after = step(packs, at_rest, amperes(current), dt_s)
    expected = at_rest.soc + 100.0 * current * dt_s / (3600.0 * packs.capacity)
    np.testing.assert_allclose(after.soc, expected, rtol=0, atol=1e-11)


def test_a_nominal_cell_is_emptied_by_its_capacity(packs, at_rest):
    nominal = replace(packs, capacity=np.full_like(packs.capacity, CELL.capacity_ah))
    full = replace(at_rest, soc=np.full_like(at_rest.soc, 100.0))
    empty = step(nominal, full, np.full(5, -CELL.capacity_ah), 3600.0)
    np.testing.assert_allclose(empty.soc, 0.0, atol=1e-11)


@pytest.mark.parametrize(("current", "end"), [(-409.0, 0.0), (240.0, 100.0)])
def test_no_cell_is_emptier_than_empty_or_fuller_than_full(packs, at_rest, amperes, current, end):
    assert (step(packs, at_rest, amperes(current), 7200.0).soc == end).all()


@given(dt_s=SECONDS)
def test_the_rc_pair_relaxes_with_its_time_constant(packs, at_rest, amperes, dt_s):
    loaded = replace(at_rest, rc_current=amperes(-150.0))
    rested = step(packs, loaded, amperes(0.0), dt_s)
    expected = -150.0 * math.exp(-dt_s / CELL.tau1_s)
    np.testing.assert_allclose(rested.rc_current, expected, rtol=1e-12)
    sag = cell_voltages(packs, rested, amperes(0.0)) - open_circuit_voltage(CELL, rested.soc)
    np.testing.assert_allclose(sag, packs.resistance * CELL.r1_ohm * expected, rtol=0, atol=1e-12)


def test_the_rc_pair_settles_at_the_current_of_the_pack(packs, at_rest, amperes):
    settled = step(packs, at_rest, amperes(-20.0), 40 * CELL.tau1_s)
    np.testing.assert_allclose(settled.rc_current, -20.0, rtol=1e-12)


def test_a_pack_at_rest_shows_its_ocv(packs, at_rest, amperes):
    expected = open_circuit_voltage(CELL, at_rest.soc)
    np.testing.assert_array_equal(cell_voltages(packs, at_rest, amperes(0.0)), expected)


@pytest.mark.parametrize(("soc", "volt"), [(0, 3.05), (15, 3.578), (50, 3.879), (52.5, 3.894), (100, 4.13)])
def test_the_ocv_goes_through_the_fitted_points(soc, volt):
    assert open_circuit_voltage(CELL, np.array([soc]))[0] == pytest.approx(volt, abs=1e-12)


def test_the_ocv_rises_with_soc():
    assert (np.diff(open_circuit_voltage(CELL, np.linspace(0.0, 100.0, 1001))) > 0.0).all()


@given(current=st.floats(-409.0, -0.1), dt_s=st.floats(0.1, 120.0))
def test_discharging_lowers_voltage_and_soc_of_every_cell(packs, at_rest, amperes, current, dt_s):
    after = step(packs, at_rest, amperes(current), dt_s)
    rest = cell_voltages(packs, at_rest, amperes(0.0))
    assert (after.soc < at_rest.soc).all()
    assert (cell_voltages(packs, after, amperes(current)) < rest).all()


def test_a_current_step_shows_at_once_as_r0(packs, at_rest, amperes):
    drop = cell_voltages(packs, at_rest, amperes(-100.0)) - cell_voltages(packs, at_rest, amperes(0.0))
    np.testing.assert_allclose(drop, -100.0 * CELL.r0_ohm * packs.resistance, rtol=0, atol=1e-12)


def _watts(packs: Packs, state: PackState, current: float) -> Floats:
    squares = CELL.r0_ohm * current**2 + CELL.r1_ohm * state.rc_current**2
    resistance: Floats = packs.resistance.reshape(5, 8, 12).sum(axis=2)
    return resistance * squares[:, np.newaxis]


@pytest.mark.parametrize("current", [-200.0, 0.0, 120.0])
def test_ohmic_heat_is_what_the_modules_store_and_what_they_lose(packs, at_rest, amperes, current):
    moments, dt_s = 2000, 60.0
    state = replace(at_rest, rc_current=amperes(-90.0), temperature=packs.ambient + 15.0)
    heat = losses = np.zeros((5, 8))
    start = state
    for _ in range(moments):
        after = step(packs, state, amperes(current), dt_s / moments)
        warmer = (state.temperature + after.temperature) / 2 - packs.ambient
        heat = heat + (_watts(packs, state, current) + _watts(packs, after, current)) / 2 * dt_s / moments
        losses = losses + I3_60AH.thermal.loss / 8 * warmer * dt_s / moments
        state = after
    rise = step(packs, start, amperes(current), dt_s).temperature - start.temperature
    np.testing.assert_allclose(I3_60AH.thermal.heat_capacity / 8 * rise + losses, heat, rtol=1e-6)


def test_a_pack_that_loses_no_heat_keeps_all_of_it(packs, at_rest, amperes):
    thermal = Thermal(loss=0.0)
    insulated = replace(packs, parameters=replace(I3_60AH, thermal=thermal))
    settled = replace(at_rest, rc_current=amperes(-50.0))
    rise = step(insulated, settled, amperes(-50.0), 300.0).temperature - settled.temperature
    expected = _watts(packs, settled, -50.0) * 300.0
    np.testing.assert_allclose(thermal.heat_capacity / 8 * rise, expected, rtol=1e-9)


def test_an_unused_pack_takes_the_temperature_of_its_surroundings(packs, at_rest, amperes):
    hot = replace(at_rest, temperature=packs.ambient + 30.0)
    rested = step(packs, hot, amperes(0.0), 20 * I3_60AH.thermal.heat_capacity / I3_60AH.thermal.loss)
    np.testing.assert_allclose(rested.temperature, packs.ambient, rtol=0, atol=1e-6)


@given(soc=st.floats(0.0, 100.0))
def test_a_cell_that_carries_a_limit_for_ever_stays_within_its_voltages(soc):
    lowest, highest = current_limits(I3_60AH, np.array([soc]))
    ohm = CELL.r0_ohm + CELL.r1_ohm
    rest = open_circuit_voltage(CELL, np.array([soc]))
    assert -409.0 <= lowest[0] <= 0.0 <= highest[0] <= 240.0
    assert rest[0] + ohm * lowest[0] >= CELL.voltage_min - 1e-12
    assert rest[0] + ohm * highest[0] <= max(CELL.voltage_max, rest[0]) + 1e-12


def test_a_full_pack_takes_no_charge_and_a_half_full_one_gives_all_it_may():
    lowest, highest = current_limits(I3_60AH, np.array([50.0, 100.0]))
    assert highest[1] == 0.0
    assert lowest[0] == -409.0
