"""A fleet: its samples, their limits, and what it is made of."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.domain.vehicle.battery import Fleet, Sample, Scenario
from telemetry.domain.vehicle.battery.drive import Days
from telemetry.domain.vehicle.battery.fleet import Bank
from telemetry.domain.vehicle.battery.itinerary import PROFILES
from telemetry.domain.vehicle.battery.pack import cell_voltages
from telemetry.domain.vehicle.battery.trace import Trace
from telemetry.domain.vehicle.battery.variance import draw_packs, rest
from telemetry.domain.vehicle.battery.variants import I3_60AH, VARIANTS

NAMES = [field.name for field in fields(Sample)]
LIMITS = {
    "battery_soc": (0.0, 100.0),
    "battery_voltage": (240.0, 420.0),
    "battery_current": (-409.0, 240.0),
    "cell_voltage_min": (2.5, 4.3),
    "cell_voltage_max": (2.5, 4.3),
    "cell_temp_min": (-40.0, 80.0),
    "cell_temp_max": (-40.0, 80.0),
}


def _starting_at(soc: float, vehicles: int, seed: int, profile: str = "drive") -> Fleet:
    rng = np.random.default_rng(seed)
    packs = draw_packs(I3_60AH, vehicles, rng)
    bank = Bank(np.arange(vehicles), packs, rest(packs, np.full((vehicles, 1), soc)))
    return Fleet([bank], Days(PROFILES[profile], vehicles, rng))


def _assert_sensible(sample: Sample) -> None:
    for name, (low, high) in LIMITS.items():
        values = getattr(sample, name)
        assert ((values >= low) & (values <= high)).all(), name  # false for NaN as well
    assert (sample.cell_voltage_min <= sample.cell_voltage_max).all()
    assert (sample.cell_temp_min <= sample.cell_temp_max).all()
    assert (sample.cell_voltage_min <= sample.battery_voltage / 96).all()
    assert (sample.battery_voltage / 96 <= sample.cell_voltage_max).all()


def test_a_sample_has_exactly_the_seven_signals_for_every_vehicle():
    sample = Fleet.new(vehicles=7, seed=1).advance()
    assert set(NAMES) == LIMITS.keys()
    for name in NAMES:
        assert getattr(sample, name).shape == (7,)
        assert getattr(sample, name).dtype == np.float64


def test_the_pack_voltage_is_the_sum_of_its_cells():
    fleet = Fleet.new(vehicles=5, seed=2)
    for _ in range(50):
        sample = fleet.advance()
        cells = cell_voltages(fleet.banks[0].packs, fleet.banks[0].state, sample.battery_current)
        assert cells.shape == (5, 96)
        np.testing.assert_array_equal(sample.battery_voltage, cells.sum(axis=1))
        np.testing.assert_array_equal(sample.cell_voltage_min, cells.min(axis=1))
        np.testing.assert_array_equal(sample.cell_voltage_max, cells.max(axis=1))


def test_the_temperatures_are_of_the_coldest_and_the_warmest_module():
    fleet = Fleet.new(vehicles=50, seed=4)
    sample = fleet.advance()
    spread = sample.cell_temp_max - sample.cell_temp_min
    np.testing.assert_array_equal(sample.cell_temp_max, fleet.banks[0].state.temperature.max(axis=1))
    assert ((spread > 0.35) & (spread < 4.05)).all()


def test_limits_hold_and_every_vehicle_lives_over_a_quarter_of_an_hour():
    fleet = Fleet.new(vehicles=30, seed=3)
    currents = []
    for _ in range(5 * 900):
        sample = fleet.advance()
        _assert_sensible(sample)
        currents.append(sample.battery_current)
    moved = np.array(currents)
    assert np.median(moved.min(axis=0)) < -100.0
    assert np.median(moved.max(axis=0)) > 20.0
    assert (moved.std(axis=0) > 1.0).all()


@settings(deadline=None, max_examples=20)
@given(soc=st.floats(0.0, 100.0), dt_s=st.floats(0.01, 10.0), seed=st.integers(0, 2**32))
def test_limits_hold_from_any_soc_with_any_step(soc, dt_s, seed):
    fleet = _starting_at(soc, vehicles=20, seed=seed)
    for _ in range(100):
        _assert_sensible(fleet.advance(dt_s))


def test_a_low_fleet_is_charged_and_drives_on():
    fleet = _starting_at(19.0, vehicles=30, seed=5)
    socs = np.array([fleet.advance(5.0).battery_soc for _ in range(3 * 720)])
    assert (socs.max(axis=0) > 40.0).all()
    assert socs.max() < 89.0


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_lives_through_every_profile_within_its_limits(profile, variant):
    fleet = Fleet.new(20, seed=3, scenario=Scenario({variant: 1.0}, profile, ambient=-5.0, health=0.8))
    cell = VARIANTS[variant].cell
    for _ in range(200):
        sample = fleet.advance(5.0)
        assert (sample.cell_voltage_min >= cell.voltage_min).all()
        assert (sample.cell_voltage_max <= cell.voltage_max).all()
        _assert_sensible(sample)


def test_a_mixed_fleet_has_its_variants_by_their_weights():
    scenario = Scenario({"i3-60ah": 1.0, "i3-120ah": 3.0})
    fleet = Fleet.new(2000, seed=1, scenario=scenario)
    large = sum(len(bank.rows) for bank in fleet.banks if bank.packs.parameters is VARIANTS["i3-120ah"])
    assert large == pytest.approx(1500, abs=80)
    rows = np.concatenate([bank.rows for bank in fleet.banks])
    np.testing.assert_array_equal(np.sort(rows), np.arange(2000))
    assert (fleet.advance().battery_voltage > 300.0).all()


def test_an_aged_pack_holds_less_and_sags_more():
    fresh, aged = (
        Fleet.new(50, seed=1, scenario=Scenario(health=health)).banks[0].packs for health in (1.0, 0.8)
    )
    assert aged.capacity.mean() == pytest.approx(0.8 * fresh.capacity.mean(), rel=1e-3)
    assert aged.resistance.mean() > 1.2 * fresh.resistance.mean()
    assert (aged.capacity / aged.capacity.mean()).std() > 2 * (fresh.capacity / fresh.capacity.mean()).std()


def test_all_packs_are_as_warm_as_the_weather_that_was_asked_for():
    sample = Fleet.new(50, seed=1, scenario=Scenario(ambient=-7.0)).advance()
    middle = (sample.cell_temp_min + sample.cell_temp_max) / 2
    np.testing.assert_allclose(middle, -7.0, atol=2.0)


def test_a_trace_is_driven_by_every_vehicle():
    trace = Trace(np.array([0.0, 10.0]), current=np.array([-20.0, 0.0]))
    sample = Fleet.new(3, seed=1, scenario=Scenario(ambient=20.0, trace=trace)).advance()
    np.testing.assert_allclose(sample.battery_current, -20.0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"variants": {"i4": 1.0}}, "no variant i4"),
        ({"variants": {"i3-60ah": 0.0}}, "weight of i3-60ah"),
        ({"variants": {}}, "needs a variant"),
        ({"profile": "race"}, "no profile race"),
        ({"health": 0.4}, "state of health"),
        ({"ambient": 60.0}, "ambient temperature"),
    ],
)
def test_a_scenario_that_could_not_be_is_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        Scenario(**arguments)


def test_the_soc_counts_the_current_that_the_samples_show():
    fleet = Fleet.new(vehicles=10, seed=6)
    start, ampere_hours = fleet.banks[0].state.soc.mean(axis=1), np.zeros(10)
    for _ in range(3000):
        sample = fleet.advance()
        ampere_hours += sample.battery_current * 0.2 / 3600.0
    # the tolerance is the packs' own capacity, the mean of 96 cells
    expected = 100.0 * ampere_hours / I3_60AH.cell.capacity_ah
    np.testing.assert_allclose(sample.battery_soc - start, expected, rtol=0.01, atol=1e-6)


def test_the_same_seed_gives_the_same_samples_and_another_seed_others():
    one, twin, other = Fleet.new(4, seed=9), Fleet.new(4, seed=9), Fleet.new(4, seed=10)
    for _ in range(200):
        samples = [fleet.advance() for fleet in (one, twin, other)]
        for name in NAMES:
            first, same, different = (getattr(sample, name) for sample in samples)
            np.testing.assert_array_equal(first, same)
            assert name == "battery_current" or (first != different).all(), name
    assert (samples[0].battery_current != samples[2].battery_current).all()


def test_a_step_is_200_ms_unless_said():
    unsaid, said = Fleet.new(3, seed=1).advance(), Fleet.new(3, seed=1).advance(0.2)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(unsaid, name), getattr(said, name))


def test_what_a_caller_does_to_a_sample_does_not_reach_the_fleet():
    touched, twin = Fleet.new(3, seed=12), Fleet.new(3, seed=12)
    sample = touched.advance()
    twin.advance()
    for name in NAMES:
        getattr(sample, name)[:] = np.nan
    np.testing.assert_array_equal(touched.advance().battery_voltage, twin.advance().battery_voltage)


def test_a_fleet_without_vehicles_gives_empty_samples():
    assert all(getattr(Fleet.new(0, seed=1).advance(), name).shape == (0,) for name in NAMES)


@pytest.mark.parametrize("dt_s", [0.0, -0.2, 10.1, float("nan"), float("inf")])
def test_a_step_of_no_or_of_too_much_time_is_refused(dt_s):
    with pytest.raises(ValueError, match="dt_s is"):
        Fleet.new(1, seed=1).advance(dt_s)


@pytest.mark.parametrize(("vehicles", "seed"), [(-1, 1), (1, -1)])
def test_negative_numbers_make_no_fleet(vehicles, seed):
    with pytest.raises(ValueError, match=r"negative"):
        Fleet.new(vehicles, seed)


def test_what_cars_send_is_in_the_rows_of_their_samples():
    fleet = Fleet.new(vehicles=40, seed=3, scenario=Scenario(variants={"i3-60ah": 1, "i3-120ah": 1}))
    sample, sent = fleet.advance(), fleet.bus_signals()
    large = sent["soc_window_min"] == VARIANTS["i3-120ah"].dashboard.window[0]
    assert 5 < large.sum() < 35
    assert (sent["energy_content_max"][large] > 38.0).all()
    assert (sent["energy_content_max"][~large] < 18.0).all()
    assert (np.abs(sent["target_voltage"] - sample.battery_voltage) < 0.2 * sample.battery_voltage).all()
    assert (sent["battery_temp"] >= sample.cell_temp_min).all()
    np.testing.assert_array_equal(sent["dc_link_voltage"], sample.battery_voltage)
    assert isinstance(fleet.demand, Days)
    np.testing.assert_allclose(sent["vehicle_speed"], 3.6 * fleet.demand.speed)


def test_no_cars_send_nothing():
    assert all(not column.size for column in Fleet.new(vehicles=0, seed=1).bus_signals().values())
