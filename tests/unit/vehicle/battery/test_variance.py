"""How far cells, packs and vehicles differ from each other."""

from dataclasses import replace

import numpy as np
import pytest

from telemetry.domain.vehicle.battery.parameters import Floats, Parameters
from telemetry.domain.vehicle.battery.variance import draw_packs, draw_start
from telemetry.domain.vehicle.battery.variants import I3_60AH

VARIANCE = I3_60AH.variance
MANY = 2000


@pytest.fixture(scope="module")
def deviations() -> dict[str, Floats]:
    """Relative capacities and resistances, and start SoC around each pack's mean, of many vehicles."""
    rng = np.random.default_rng(7)
    packs = draw_packs(I3_60AH, MANY, rng)
    soc = draw_start(packs, rng).soc
    return {
        "capacity_sigma": packs.capacity / I3_60AH.cell.capacity_ah - 1.0,
        "resistance_sigma": packs.resistance - 1.0,
        "soc_sigma": soc - soc.mean(axis=1, keepdims=True),
    }


@pytest.mark.parametrize("name", ["capacity_sigma", "resistance_sigma"])
def test_cells_deviate_as_much_as_the_parameters_say(deviations, name):
    sigma = getattr(VARIANCE, name)
    assert deviations[name].std() == pytest.approx(sigma, rel=0.02)
    assert abs(deviations[name].mean()) < sigma / 50


def test_start_socs_of_a_pack_deviate_as_much_as_the_parameters_say(deviations):
    # a pack's own mean takes its part of the variance along: 1/8 of the modules' half, 1/96 of the cells'
    sigma = VARIANCE.soc_sigma * np.sqrt(0.5 * 7 / 8 + 0.5 * 95 / 96)
    assert deviations["soc_sigma"].std() == pytest.approx(sigma, rel=0.02)


@pytest.mark.parametrize("name", ["capacity_sigma", "resistance_sigma"])
def test_cells_of_one_module_have_half_of_their_variance_in_common(deviations, name):
    cells = deviations[name]
    assert np.corrcoef(cells[:, 0], cells[:, 11])[0, 1] == pytest.approx(VARIANCE.module_share, abs=0.08)
    assert np.corrcoef(cells[:, 11], cells[:, 12])[0, 1] == pytest.approx(0.0, abs=0.08)


def test_the_mean_of_a_module_varies_by_the_share_of_the_modules(deviations):
    cells = deviations["resistance_sigma"].reshape(MANY, 8, 12)
    expected = VARIANCE.resistance_sigma * np.sqrt(0.5 + 0.5 / 12)
    assert cells.mean(axis=2).std() == pytest.approx(expected, rel=0.02)


def test_middle_modules_are_warmer_by_the_spread_of_real_packs():
    ambient = draw_packs(I3_60AH, MANY, np.random.default_rng(3)).ambient
    spread = np.ptp(ambient, axis=1)
    assert 0.4 <= spread.min() < spread.max() <= 4.0
    assert np.median(spread) == pytest.approx(2.2, abs=0.2)
    assert (np.diff(ambient, axis=1) * np.array([1, 1, 1, 0, -1, -1, -1]) >= 0.0).all()


def test_a_pack_starts_at_rest_as_warm_as_its_surroundings_and_within_its_start_socs():
    packs = draw_packs(I3_60AH, 200, np.random.default_rng(4))
    state = draw_start(packs, np.random.default_rng(5))
    assert (state.through_pairs == 0.0).all()
    np.testing.assert_array_equal(state.temperature, packs.ambient)
    assert 18.0 < state.soc.min() < 30.0
    assert 84.0 < state.soc.max() < 89.0
    assert 70.0 < np.median(state.soc) < 80.0


def test_no_cell_starts_beyond_empty_or_full():
    for end in (0.0, 100.0):
        parameters = _starting_at(end)
        packs = draw_packs(parameters, 50, np.random.default_rng(6))
        soc = draw_start(packs, np.random.default_rng(7)).soc
        assert ((soc >= 0.0) & (soc <= 100.0)).all()


def test_vehicles_differ_from_each_other():
    packs = draw_packs(I3_60AH, 3, np.random.default_rng(8))
    assert np.unique(packs.capacity).size == packs.capacity.size
    assert np.unique(packs.ambient.mean(axis=1).round(6)).size == 3


def _starting_at(soc: float) -> Parameters:
    return replace(I3_60AH, variance=replace(VARIANCE, start_soc=((0.0, soc),)))
