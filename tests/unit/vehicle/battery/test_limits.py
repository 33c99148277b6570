"""The currents that a pack allows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.domain.vehicle.battery.limits import current_limits
from telemetry.domain.vehicle.battery.pack import cell_voltages, step
from telemetry.domain.vehicle.battery.variance import draw_packs, nominal, rest
from telemetry.domain.vehicle.battery.variants import I3_60AH, VARIANTS


def _limits(soc: float, celsius: float = 25.0) -> tuple[float, float]:
    packs = nominal(I3_60AH, 1, celsius)
    lowest, highest = current_limits(packs, rest(packs, np.array([[soc]])))
    return lowest[0], highest[0]


@settings(deadline=None, max_examples=60)
@given(
    variant=st.sampled_from(list(VARIANTS)),
    window=st.floats(0.0, 1.0),
    celsius=st.floats(-20.0, 40.0),
    dt_s=st.floats(0.1, 10.0),
    charging=st.booleans(),
)
def test_a_pack_driven_at_its_limits_keeps_every_cell_within_its_voltages(
    variant, window, celsius, dt_s, charging
):
    parameters = VARIANTS[variant]
    low, high = parameters.limits.window
    packs = draw_packs(parameters, 3, np.random.default_rng(1), ambient=celsius)
    state = rest(packs, np.full((3, 1), low + window * (high - low)))
    # At the top of its window a warm pack rests above the highest voltage, and takes nothing.
    highest = max(parameters.cell.voltage_max, cell_voltages(packs, state, np.zeros(3)).max())
    for _ in range(30):
        current = current_limits(packs, state)[int(charging)]
        state = step(packs, state, current, dt_s)
        volts = cell_voltages(packs, state, current)
        assert parameters.cell.voltage_min <= volts.min()
        assert volts.max() <= highest
        assert current.max() <= 0 or highest == parameters.cell.voltage_max


def test_a_half_full_warm_pack_gives_and_takes_all_it_may():
    packs = nominal(I3_60AH, 1, 25.0)
    lowest, highest = current_limits(packs, rest(packs, np.array([[30.0]])))
    assert lowest[0] == -409.0
    assert highest[0] > 150.0


@pytest.mark.parametrize(("soc", "end"), [(8.0, 0), (3.0, 0), (88.5, 1), (100.0, 1)])
def test_nothing_flows_out_of_an_empty_window_or_into_a_full_one(soc, end):
    assert _limits(soc)[end] == 0.0


def test_the_limits_fade_towards_the_ends_of_the_window():
    assert -409.0 < _limits(10.0)[0] < _limits(9.0)[0] < 0.0
    assert 0.0 < _limits(88.0)[1] < _limits(87.0)[1] < _limits(80.0)[1]


def test_the_cold_and_the_heat_take_from_both_limits():
    assert _limits(50.0, -10.0)[1] < 11.0
    assert _limits(50.0, -20.0)[1] == 0.0
    assert -409.0 < _limits(60.0, -10.0)[0] < 0.0
    assert _limits(50.0, 58.0)[1] == 0.0
    assert -100.0 < _limits(50.0, 58.0)[0] < 0.0


def test_a_worn_cell_takes_less_near_its_highest_voltage():
    packs = nominal(I3_60AH, 1, 25.0)
    worn = replace(packs, resistance=np.full_like(packs.resistance, 1.3))
    state = rest(packs, np.array([[80.0]]))
    assert current_limits(worn, state)[1] < current_limits(packs, state)[1]
