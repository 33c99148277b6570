"""What vehicles do all day, and which current that takes."""

from dataclasses import replace

import numpy as np
import pytest

from telemetry.domain.vehicle.battery import auxiliary, charging, climate, driver, itinerary, road
from telemetry.domain.vehicle.battery.curve import along
from telemetry.domain.vehicle.battery.drive import Days, Status
from telemetry.domain.vehicle.battery.itinerary import PROFILES, Activity, Itineraries
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.battery.variants import I3_60AH
from telemetry.domain.vehicle.battery.vehicle import I3, battery_power

DT_S = 0.2


def _status(vehicles: int, soc: float = 50.0, ambient: float = 20.0) -> Status:
    return Status(np.full(vehicles, soc), np.full(vehicles, 370.0), np.full(vehicles, ambient))


def _one(value: float) -> Floats:
    return np.array([value])


def _doing(activity: Activity, vehicles: int, remaining: float = 0.0) -> Itineraries:
    return Itineraries(
        PROFILES["mixed"],
        np.full(vehicles, activity, dtype=np.int64),
        np.full(vehicles, remaining),
        np.zeros(vehicles),
    )


@pytest.fixture(scope="module")
def driven() -> tuple[Floats, Floats]:
    """Speeds and currents, (moments, vehicles), of 100 vehicles in half an hour."""
    rng = np.random.default_rng(11)
    days, status = Days(PROFILES["drive"], 100, rng), _status(100)
    weather = replace(status, ambient=along(I3_60AH.variance.ambient, rng.random(100)))
    moments = [(days.ask(weather, DT_S), days.speed)[::-1] for _ in range(9000)]
    speeds, currents = zip(*moments, strict=True)
    return np.array(speeds), np.array(currents)


def test_all_vehicles_start_standing_and_leave_one_by_one():
    days = Days(PROFILES["drive"], 20, np.random.default_rng(1))
    assert (days.speed == 0.0).all()
    gone = [int((days.ask(_status(20), DT_S), days.speed > 0.5)[1].sum()) for _ in range(60)]
    assert gone[5] < gone[25] < gone[-1]


def test_the_current_is_spread_like_that_of_real_trips(driven):
    # 59 trips of the TUM data have -174, -30, -12, -2 and 64 A; their two halves differ by a few A.
    low, quarter, median, upper, high = np.quantile(driven[1], [0.01, 0.25, 0.5, 0.75, 0.99])
    assert -210.0 < low < -130.0
    assert -38.0 < quarter < -22.0
    assert -18.0 < median < -5.0
    assert -6.0 < upper < 2.0
    assert 45.0 < high < 85.0


def test_about_a_tenth_of_the_time_is_standstill_and_a_sixth_of_the_charge_is_recuperated(driven):
    speeds, currents = driven
    assert 0.06 < (speeds < 0.3).mean() < 0.18
    assert currents.clip(min=0.0).sum() / -currents.clip(max=0.0).sum() == pytest.approx(0.17, abs=0.05)


def test_a_car_needs_more_power_uphill_and_gives_some_back_when_it_brakes():
    level = battery_power(I3, _one(20.0), _one(0.0), _one(0.0))
    uphill = battery_power(I3, _one(20.0), _one(0.0), _one(0.03))
    braking = battery_power(I3, _one(20.0), _one(-1.0), _one(0.0))
    assert 4e3 < level[0] < uphill[0]
    assert -I3.recuperation < braking[0] < 0.0


def test_recuperation_ends_at_walking_pace_and_at_its_limit():
    assert battery_power(I3, _one(0.9), _one(-2.0), _one(0.0))[0] == I3.moving
    assert battery_power(I3, _one(30.0), _one(-5.0), _one(0.0))[0] == -I3.recuperation


def test_a_standing_car_needs_nothing_to_move():
    assert battery_power(I3, _one(0.0), _one(0.0), _one(0.1))[0] == 0.0


def test_the_cabin_takes_most_when_it_is_started_in_the_cold_and_nothing_on_a_mild_day():
    assert climate.power(_one(5.0), _one(0.0))[0] == pytest.approx(5.8e3, rel=0.05)
    assert climate.power(_one(5.0), _one(1500.0))[0] == pytest.approx(1.1e3, rel=0.05)
    assert climate.power(_one(30.0), _one(0.0))[0] == pytest.approx(1.0e3, rel=0.05)
    assert climate.power(_one(20.0), _one(0.0))[0] == 0.0


def _drawn(ambient: float, dt_s: float = DT_S, steps: int = 500) -> Floats:
    """What 50 cars that were started long ago draw for all but driving, (steps, 50) in W."""
    rng = np.random.default_rng(12)
    auxiliaries = auxiliary.start(50, rng)
    drawn = []
    for _ in range(steps):
        auxiliaries = auxiliary.advance(auxiliaries, dt_s, rng)
        drawn.append(auxiliary.power(auxiliaries, np.full(50, ambient), np.full(50, 1500.0), dt_s, rng))
    return np.array(drawn)


@pytest.mark.parametrize("ambient", [-10.0, 5.0, 20.0, 35.0])
def test_what_cars_draw_lies_around_what_is_usual(ambient):
    usual = auxiliary.usual(_one(ambient), _one(1500.0))[0]
    assert np.median(_drawn(ambient)) == pytest.approx(usual, rel=0.15)
    assert (_drawn(ambient) >= 0.0).all()


def test_a_heater_is_switched_so_that_what_a_car_draws_in_the_cold_is_less_still():
    mild, cold = (np.diff(_drawn(ambient), axis=0).std() for ambient in (20.0, 0.0))
    assert 4 * mild < cold < 200.0  # W; 0.4 A, as the trips have in winter


def test_over_a_longer_step_the_switching_evens_out():
    rng = np.random.default_rng(13)
    steady = auxiliary.Auxiliaries(_one(0.0), _one(0.0))
    spread = [
        np.std([auxiliary.power(steady, _one(0.0), _one(1500.0), dt_s, rng) for _ in range(400)])
        for dt_s in (DT_S, 20.0)
    ]
    assert spread[1] == pytest.approx(spread[0] / 10.0, rel=0.25)


def test_chargers_give_power_at_home_and_current_on_the_road():
    assert charging.ac_current(_one(370.0))[0] * 370.0 == pytest.approx(7.4e3 * 0.92)
    np.testing.assert_array_equal(charging.dc_current(np.array([20.0, 80.0, 95.0])), [125.0, 125.0, 15.0])


@pytest.mark.parametrize("speed", [0.0, 30.0])
def test_a_driver_comes_near_the_speed_of_the_road(speed):
    rng = np.random.default_rng(3)
    drivers = driver.start(50, rng)
    for _ in range(600):
        drivers = driver.advance(drivers, np.full(50, speed), DT_S, rng)
    assert np.median(drivers.speed) == pytest.approx(speed, abs=1.5)
    assert drivers.speed.std() <= speed / 8


def test_no_driver_goes_backwards(driven):
    assert (driven[0] >= 0.0).all()


def test_roads_stay_as_they_are_until_a_leg_ends():
    rng = np.random.default_rng(4)
    roads = road.start(5, rng)
    later = road.advance(roads, np.zeros(5), 1e-6, rng)
    np.testing.assert_array_equal(later.speed, roads.speed)
    np.testing.assert_array_equal(later.kind, roads.kind)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_chances_of_a_profile_are_those_of_something_for_certain(profile):
    for chances in (
        PROFILES[profile].first,
        PROFILES[profile].after_drive,
        PROFILES[profile].after_park,
        PROFILES[profile].after_charge,
    ):
        assert sum(chances) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("profile", "activities"),
    [("drive", {0}), ("commute", {0, 1, 2}), ("charge", {2, 3}), ("mixed", {0, 1, 2, 3})],
)
def test_vehicles_are_found_doing_what_their_profile_says(profile, activities):
    days = Days(PROFILES[profile], 200, np.random.default_rng(5))
    assert set(days.activity.tolist()) == activities


def test_who_drives_stops_before_doing_anything_else():
    moving = itinerary.advance(
        _doing(Activity.DRIVE, 50),
        np.full(50, 10.0),
        np.zeros(50, dtype=bool),
        DT_S,
        np.random.default_rng(6),
    )
    assert (moving.activity == Activity.DRIVE).all()
    standing = itinerary.advance(
        moving, np.full(50, 50.0), np.ones(50, dtype=bool), DT_S, np.random.default_rng(6)
    )
    assert len(set(standing.activity.tolist())) > 1


def test_who_is_low_stops_and_charges_fast():
    found = itinerary.advance(
        _doing(Activity.DRIVE, 20, remaining=600.0),
        np.full(20, 15.0),
        np.ones(20, dtype=bool),
        DT_S,
        np.random.default_rng(7),
    )
    assert (found.activity == Activity.CHARGE_DC).all()


@pytest.mark.parametrize(("activity", "soc"), [(Activity.CHARGE_DC, 81.0), (Activity.CHARGE_AC, 86.0)])
def test_who_is_charged_unplugs(activity, soc):
    found = itinerary.advance(
        _doing(activity, 20, remaining=600.0),
        np.full(20, soc),
        np.ones(20, dtype=bool),
        DT_S,
        np.random.default_rng(8),
    )
    assert set(found.activity.tolist()) == {Activity.DRIVE, Activity.PARK}


def test_chargers_come_up_smoothly_and_parked_cars_take_nothing():
    days = Days(PROFILES["charge"], 50, np.random.default_rng(9))
    first = days.ask(_status(50, soc=30.0), DT_S)
    for _ in range(100):
        last = days.ask(_status(50, soc=30.0), DT_S)
    assert (first < last / 5).all()
    np.testing.assert_allclose(np.unique(last.round(1)), [18.4, 125.0], atol=0.1)
    parked = Days(PROFILES["commute"], 50, np.random.default_rng(9))
    asked = parked.ask(_status(50), DT_S)
    assert (asked[parked.activity == Activity.PARK] == 0.0).all()


def test_a_long_step_asks_for_the_mean_of_what_drivers_do_within_it():
    days, twin = (Days(PROFILES["drive"], 5, np.random.default_rng(10)) for _ in range(2))
    long = days.ask(_status(5), 2.0)
    short = [twin.ask(_status(5), 0.5) for _ in range(4)]
    np.testing.assert_allclose(long, np.mean(short, axis=0), rtol=1e-12)
