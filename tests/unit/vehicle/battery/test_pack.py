"""The physics of a pack: voltage, charge, energy and heat."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.vehicle.battery import thermal
from telemetry.domain.vehicle.battery.electric import (
    GAS,
    REFERENCE,
    ZERO,
    entropic_slope,
    open_circuit_voltage,
    reading_slope,
)
from telemetry.domain.vehicle.battery.limits import current_limits
from telemetry.domain.vehicle.battery.pack import Packs, PackState, cell_voltages, heats, step
from telemetry.domain.vehicle.battery.parameters import Floats, Thermal
from telemetry.domain.vehicle.battery.variance import nominal, rest
from telemetry.domain.vehicle.battery.variants import I3_60AH, I3_94AH, VARIANTS

CELL = I3_60AH.cell
CURRENTS = st.floats(-409.0, 240.0)
SECONDS = st.floats(0.01, 10.0)
CELSIUS = st.floats(-20.0, 45.0)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)


def _as_warm_as(state: PackState, celsius: float) -> PackState:
    return replace(state, temperature=np.full_like(state.temperature, celsius))


@given(currents=st.tuples(CURRENTS, CURRENTS), celsius=CELSIUS, dt_s=st.floats(0.01, 1.0))
def test_halving_the_step_changes_no_cell_by_a_millivolt(packs, at_rest, currents, celsius, dt_s):
    before, current = (np.full(5, each) for each in currents)
    loaded = step(packs, _as_warm_as(at_rest, celsius), before, 20.0)
    whole = step(packs, loaded, current, dt_s)
    half = step(packs, step(packs, loaded, current, dt_s / 2), current, dt_s / 2)
    np.testing.assert_allclose(half.soc, whole.soc, rtol=0, atol=1e-11)
    np.testing.assert_allclose(half.through_pairs, whole.through_pairs, rtol=0, atol=1e-10)
    volts = [cell_voltages(packs, state, current) for state in (half, whole)]
    assert np.abs(volts[0] - volts[1]).max() < 1e-3


@given(share=st.floats(-1.0, 1.0), celsius=st.floats(-20.0, 45.0), dt_s=SECONDS)
def test_halving_the_longest_step_changes_none_by_a_millivolt_within_the_limits(
    packs, at_rest, share, celsius, dt_s
):
    found = _as_warm_as(at_rest, celsius)
    current = abs(share) * current_limits(packs, found)[int(share > 0.0)]
    whole = step(packs, found, current, dt_s)
    half = step(packs, step(packs, found, current, dt_s / 2), current, dt_s / 2)
    volts = [cell_voltages(packs, state, current) for state in (half, whole)]
    assert np.abs(volts[0] - volts[1]).max() < 1e-3


@given(current=CURRENTS, dt_s=SECONDS)
def test_every_cell_counts_its_coulombs_exactly(packs, at_rest, amperes, current, dt_s):
    after = step(packs, at_rest, amperes(current), dt_s)
    expected = at_rest.soc + 100.0 * current * dt_s / (3600.0 * packs.capacity)
    np.testing.assert_allclose(after.soc, expected, rtol=0, atol=1e-11)


def test_a_nominal_cell_is_emptied_by_its_capacity():
    alike = nominal(I3_60AH, 1, 25.0)
    empty = step(alike, rest(alike, np.array([[100.0]])), np.array([-CELL.capacity_ah]), 3600.0)
    np.testing.assert_allclose(empty.soc, 0.0, atol=1e-11)


@pytest.mark.parametrize(("current", "end"), [(-409.0, 0.0), (240.0, 100.0)])
def test_no_cell_is_emptier_than_empty_or_fuller_than_full(packs, at_rest, amperes, current, end):
    after = step(packs, at_rest, amperes(current), 7200.0)
    assert (after.soc == end).all()
    assert np.isfinite(cell_voltages(packs, after, amperes(current))).all()


@given(dt_s=SECONDS)
def test_the_pairs_relax_with_their_time_constants(packs, at_rest, amperes, dt_s):
    loaded = replace(at_rest, through_pairs=np.full((3, 5), -150.0))
    rested = step(packs, loaded, amperes(0.0), dt_s)
    for through, pair in zip(rested.through_pairs, CELL.pairs, strict=True):
        np.testing.assert_allclose(through, -150.0 * math.exp(-dt_s / pair.tau_s), rtol=1e-12)


def test_the_pairs_settle_at_the_current_of_the_pack(packs, at_rest, amperes):
    settled = step(packs, at_rest, amperes(-20.0), 40 * CELL.pairs[-1].tau_s)
    np.testing.assert_allclose(settled.through_pairs, -20.0, rtol=1e-12)


def test_a_pack_at_rest_shows_its_ocv_and_what_temperature_adds(packs, at_rest, amperes):
    expected = open_circuit_voltage(CELL, at_rest.soc)
    soc = np.full((5, 1), 50.0)
    slope = entropic_slope(CELL, soc) + reading_slope(CELL, soc)
    expected += np.repeat(slope * (at_rest.temperature - 25.0), 12, axis=1)
    np.testing.assert_allclose(cell_voltages(packs, at_rest, amperes(0.0)), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_ocv_goes_through_its_knots_and_rises_with_soc(variant):
    cell = VARIANTS[variant].cell
    soc, volts = np.array(cell.ocv).T
    atol = 1e-4 if variant == "i3-94ah" else 1e-12  # the knots of which lie between the pieces' ends
    np.testing.assert_allclose(open_circuit_voltage(cell, soc), volts, rtol=0, atol=atol)
    within = np.linspace(soc[0], soc[-1], 1001)
    assert (np.diff(open_circuit_voltage(cell, within)) > 0.0).all()


def test_rests_of_real_94_ah_cars_lie_on_their_ocv():
    volts = open_circuit_voltage(I3_94AH.cell, np.array([15.15, 21.41, 41.37, 80.86]))
    np.testing.assert_allclose(volts, [3.536, 3.584, 3.673, 4.046], atol=6e-3)


@given(current=st.floats(-409.0, -0.1), celsius=CELSIUS, dt_s=st.floats(0.1, 10.0))
def test_discharging_lowers_voltage_and_soc_of_every_cell(packs, at_rest, current, celsius, dt_s):
    found, amperes = _as_warm_as(at_rest, celsius), np.full(5, current)
    after = step(packs, found, amperes, dt_s)
    assert (after.soc < found.soc).all()
    before = cell_voltages(packs, found, np.zeros(5))
    assert (cell_voltages(packs, after, amperes) < before).all()


def test_the_cold_makes_a_current_step_show_more(packs, at_rest, amperes):
    drops = []
    for celsius in (25.0, 0.0):
        found = _as_warm_as(at_rest, celsius)
        drops.append(cell_voltages(packs, found, amperes(0.0)) - cell_voltages(packs, found, amperes(-1.0)))
    nominal_drop = (CELL.ohmic.ohm + CELL.transfer.ohm) * packs.resistance
    np.testing.assert_allclose(drops[0], nominal_drop, rtol=1e-4)
    colder = (1 / ZERO - 1 / REFERENCE) / GAS
    parts = [part.ohm * math.exp(part.activation * colder) for part in (CELL.ohmic, CELL.transfer)]
    np.testing.assert_allclose(drops[1], sum(parts) * packs.resistance, rtol=1e-3)


def test_charge_transfer_yields_to_large_currents(packs, at_rest, amperes):
    found = _as_warm_as(at_rest, -10.0)
    rested = cell_voltages(packs, found, amperes(0.0))
    small, large = (rested - cell_voltages(packs, found, amperes(amps)) for amps in (-10.0, -200.0))
    assert (large < 0.9 * 20 * small).all()


def _energies(packs: Packs, state: PackState, current: Floats, dt_s: float) -> tuple[Floats, Floats]:
    """Return terminal and chemical energy of a step, (n,) in J, at the temperature of its start."""
    terminal, chemical = np.zeros(len(current)), np.zeros(len(current))
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        within = step(packs, state, current, dt_s * (1.0 + node) / 2)
        within = replace(within, temperature=state.temperature)
        rested = replace(within, through_pairs=np.zeros_like(within.through_pairs))
        seconds = weight * dt_s / 2
        terminal += seconds * current * cell_voltages(packs, within, current).sum(axis=1)
        chemical += seconds * current * cell_voltages(packs, rested, np.zeros_like(current)).sum(axis=1)
    return terminal, chemical


def test_energy_closes_over_a_drive(packs, at_rest):
    rng = np.random.default_rng(5)
    state = at_rest
    terminal, chemical, heat, throughput = np.zeros((4, 5))
    for _ in range(200):
        current = rng.uniform(-200.0, 80.0, 5)
        given_, kept = _energies(packs, state, current, 0.2)
        terminal, chemical = terminal + given_, chemical + kept
        heat = heat + 0.2 * heats(packs, state, current, 0.2).ohmic.sum(axis=1)
        throughput = throughput + np.abs(given_)
        state = step(packs, state, current, 0.2)
    assert (np.abs(terminal - chemical - heat) / throughput).max() < 1e-6


def test_heat_is_what_the_modules_store_and_what_they_lose(packs, at_rest, amperes):
    state = replace(at_rest, temperature=packs.ambient + 15.0)
    network, dt_s = I3_60AH.thermal, 60.0
    heat = heats(packs, state, amperes(-200.0), dt_s)
    inflow = (heat.ohmic + heat.entropic - heat.cooled).sum(axis=1) * dt_s
    losses = np.zeros(5)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        # only the loss is asked for within the step, so the heat of the whole of it is kept
        warm = _with_heat(packs, state, heat.ohmic + heat.entropic - heat.cooled, dt_s * (1.0 + node) / 2)
        losses += weight * dt_s / 2 * network.loss / 8 * (warm - packs.ambient).sum(axis=1)
    after = step(packs, state, amperes(-200.0), dt_s)
    stored = network.heat_capacity / 8 * (after.temperature - state.temperature).sum(axis=1)
    np.testing.assert_allclose(stored + losses, inflow, rtol=1e-6)


def _with_heat(packs: Packs, state: PackState, heat: Floats, dt_s: float) -> Floats:
    return thermal.advance(packs.parameters, state.temperature, packs.ambient, heat, dt_s)


def test_a_pack_that_loses_no_heat_keeps_all_of_it(packs, at_rest, amperes):
    network = Thermal(heat_capacity=178e3, loss=0.0, cooling=0.0)
    insulated = replace(packs, parameters=replace(I3_60AH, thermal=network))
    heat = heats(insulated, at_rest, amperes(-50.0), 10.0)
    rise = step(insulated, at_rest, amperes(-50.0), 10.0).temperature - at_rest.temperature
    expected = (heat.ohmic + heat.entropic).sum(axis=1) * 10.0
    np.testing.assert_allclose((178e3 / 8 * rise).sum(axis=1), expected, rtol=1e-9)


def test_neighbours_share_their_warmth(packs, at_rest, amperes):
    temperature = np.full((5, 8), 20.0)
    temperature[:, 3] = 27.0
    alone = replace(packs, ambient=np.full((5, 8), 20.0))
    after = step(alone, replace(at_rest, temperature=temperature), amperes(0.0), 600.0).temperature
    assert (after[:, 2] > after[:, 1]).all()
    assert (after[:, 1] > 20.0).all()


def test_an_unused_pack_takes_the_temperature_of_its_surroundings(packs, at_rest, amperes):
    even = replace(packs, ambient=np.full((5, 8), 12.0))
    hot = replace(at_rest, temperature=even.ambient + 10.0)
    rested = step(even, hot, amperes(0.0), 20 * I3_60AH.thermal.heat_capacity / I3_60AH.thermal.loss)
    np.testing.assert_allclose(rested.temperature, 12.0, rtol=0, atol=1e-6)


def test_a_hot_pack_is_cooled_and_a_mild_one_is_not(packs, at_rest, amperes):
    hot, mild = _as_warm_as(at_rest, 40.0), _as_warm_as(at_rest, 25.0)
    assert (heats(packs, mild, amperes(0.0), 0.2).cooled == 0.0).all()
    assert heats(packs, hot, amperes(0.0), 0.2).cooled.sum(axis=1) == pytest.approx(140.0 * 22.0)


def test_discharging_cools_by_entropy_where_the_ocv_rises_with_temperature(packs, at_rest, amperes):
    heat = heats(packs, at_rest, amperes(-60.0), 0.2)
    assert (heat.entropic < 0.0).all()
    assert (heat.ohmic > 0.0).all()
