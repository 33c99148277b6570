"""What the battery management system of a pack sends on the bus."""

from dataclasses import replace

import numpy as np
import pytest

from telemetry.domain.vehicle.battery import bms
from telemetry.domain.vehicle.battery.limits import current_limits
from telemetry.domain.vehicle.battery.pack import Packs, PackState, cell_voltages
from telemetry.domain.vehicle.battery.variance import draw_packs, nominal, rest
from telemetry.domain.vehicle.battery.variants import VARIANTS


def _sent(variant: str, soc: float) -> dict[str, float]:
    packs = nominal(VARIANTS[variant], 1, 25.0)
    return {
        name: values.item() for name, values in bms.bus_signals(packs, rest(packs, np.array([[soc]]))).items()
    }


def test_every_pack_sends_the_limits_that_it_keeps(packs: Packs, at_rest: PackState):
    sent = bms.bus_signals(packs, at_rest)
    discharge, charge = current_limits(packs, at_rest)
    np.testing.assert_array_equal(sent["discharge_current_limit"], discharge)
    np.testing.assert_array_equal(sent["charge_current_limit"], charge)
    assert {values.shape for values in sent.values()} == {(5,)}


def test_the_target_voltage_is_that_of_the_pack_at_rest(packs: Packs, at_rest: PackState, amperes):
    resting = cell_voltages(packs, at_rest, amperes(0.0)).sum(axis=1)
    np.testing.assert_allclose(bms.bus_signals(packs, at_rest)["target_voltage"], resting, rtol=1e-12)


# What cars of that kind sent on their buses: logs of damienmaguire/BMW-i3-CCS
@pytest.mark.parametrize(("variant", "low", "high"), [("i3-60ah", 16.1, 17.8), ("i3-120ah", 38.7, 39.2)])
def test_the_energy_of_a_pack_is_what_cars_of_its_kind_send(variant, low, high):
    assert low < _sent(variant, 50.0)["energy_content_max"] < high


def test_a_worn_pack_holds_less():
    parameters = VARIANTS["i3-94ah"]
    new, worn = (draw_packs(parameters, 3, np.random.default_rng(1), health=health) for health in (1.0, 0.8))
    assert bms.energy_content(worn) == pytest.approx(0.8 * bms.energy_content(new), rel=0.01)


def test_the_energy_is_what_a_small_current_takes_out_of_the_window():
    packs = nominal(VARIANTS["i3-120ah"], 1, 25.0)
    low, high = packs.parameters.dashboard.window
    state, steps = rest(packs, np.array([[high]])), 500
    hours, joules = (high - low) / 100.0 * packs.parameters.cell.capacity_ah / steps, 0.0
    for step in range(steps):
        middle = high - (step + 0.5) * (high - low) / steps
        state = replace(state, soc=np.full_like(state.soc, middle))
        joules += 3600.0 * hours * cell_voltages(packs, state, np.zeros(1)).sum()
    assert bms.energy_content(packs) == pytest.approx(joules / 3.6e6, rel=1e-3)


@pytest.mark.parametrize(
    ("variant", "soc", "display"),
    [
        ("i3-60ah", 50.0, 55.0),
        ("i3-60ah", 3.0, 0.0),
        ("i3-60ah", 95.0, 100.0),
        ("i3-94ah", 87.1, 100.0),
        ("i3-120ah", 10.5, 0.0),
        ("i3-120ah", 52.5, 50.0),
    ],
)
def test_a_driver_is_shown_the_window_of_his_car(variant, soc, display):
    assert _sent(variant, soc)["display_soc"] == pytest.approx(display, abs=0.1)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_pack_may_go_no_further_than_its_cells(variant):
    sent, cell = _sent(variant, 50.0), VARIANTS[variant].cell
    assert sent["charge_voltage_limit"] <= 96 * cell.voltage_max
    assert sent["soc_window_min"] < sent["soc_window_max"]
    assert 96 * cell.voltage_min - 8.0 < sent["discharge_voltage_limit"] < sent["target_voltage"]
