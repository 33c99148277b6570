from dataclasses import replace

import numpy as np
import pytest

from telemetry.domain.battery import drive
from telemetry.domain.battery.drive import DriveState, Mode
from telemetry.domain.battery.parameters import Floats

DT_S = 0.2


def _open(vehicles: int) -> tuple[Floats, Floats]:
    return np.full(vehicles, -409.0), np.full(vehicles, 240.0)


def _about_to_leave(mode: Mode, vehicles: int) -> DriveState:
    state = drive.start(vehicles, np.random.default_rng(0))
    return replace(state, mode=np.full(vehicles, mode, dtype=np.int64), remaining=np.zeros(vehicles))


@pytest.fixture(scope="module")
def driven() -> tuple[Floats, Floats]:
    """Modes and currents, (moments, vehicles), of 60 vehicles with half full packs in half an hour."""
    rng = np.random.default_rng(11)
    state = drive.start(60, rng)
    soc = np.full(60, 50.0)
    modes, currents = [], []
    for _ in range(9000):
        state = drive.advance(state, soc, _open(60), DT_S, rng)
        modes.append(state.mode)
        currents.append(state.current)
    return np.array(modes), np.array(currents)


def test_every_mode_is_followed_by_some_mode_for_certain():
    np.testing.assert_allclose(drive.NEXT.sum(axis=1), 1.0, rtol=1e-12)


def test_all_vehicles_start_standing_at_idle_current():
    state = drive.start(10, np.random.default_rng(0))
    assert (state.mode == Mode.STAND).all()
    assert (state.current == -3.7).all()


def test_vehicles_leave_one_by_one():
    assert np.unique(drive.start(10, np.random.default_rng(0)).remaining).size == 10


def test_a_standing_vehicle_settles_at_idle_current():
    rng = np.random.default_rng(1)
    state = replace(_about_to_leave(Mode.STAND, 20), remaining=np.full(20, 60.0), current=np.full(20, -90.0))
    for _ in range(100):
        state = drive.advance(state, np.full(20, 50.0), _open(20), DT_S, rng)
    np.testing.assert_allclose(state.current, -3.7, atol=0.5)


def test_the_current_is_spread_like_that_of_real_trips(driven):
    # 59 trips of the TUM data have -174, -30, -12, -2 and 64 A; between two real halves quantiles differ by a few A
    _, currents = driven
    low, quarter, median, upper, high = np.quantile(currents, [0.01, 0.25, 0.5, 0.75, 0.99])
    assert -200.0 < low < -120.0
    assert -36.0 < quarter < -22.0
    assert -18.0 < median < -8.0
    assert -6.0 < upper < 2.0
    assert 50.0 < high < 80.0


def test_about_a_tenth_of_the_time_is_standstill_and_a_sixth_of_the_charge_is_recuperated(driven):
    modes, currents = driven
    assert (modes == Mode.STAND).mean() == pytest.approx(0.10, abs=0.03)
    assert currents.clip(min=0.0).sum() / -currents.clip(max=0.0).sum() == pytest.approx(0.17, abs=0.04)


def test_the_current_follows_with_first_order_dynamics():
    accelerating = replace(
        drive.start(2000, np.random.default_rng(0)),
        mode=np.full(2000, Mode.ACCELERATE, dtype=np.int64),
        remaining=np.full(2000, 60.0),
        target=np.full(2000, -100.0),
    )
    after = drive.advance(accelerating, np.full(2000, 50.0), _open(2000), 0.5, np.random.default_rng(1))
    expected = -100.0 + (-3.7 + 100.0) * np.exp(-0.5 / drive.RESPONSE)
    assert after.current.mean() == pytest.approx(expected, abs=0.5)
    wobble = drive.WOBBLE[Mode.ACCELERATE] * np.sqrt(1.0 - np.exp(-2 * 0.5 / drive.RESPONSE))
    assert after.current.std() == pytest.approx(wobble, rel=0.1)


def test_no_half_full_vehicle_charges(driven):
    assert (driven[0] != Mode.CHARGE).all()


@pytest.mark.parametrize(("soc", "follows"), [(24.0, Mode.CHARGE), (26.0, Mode.ACCELERATE)])
def test_a_standing_vehicle_charges_when_its_soc_is_low(soc, follows):
    standing = _about_to_leave(Mode.STAND, 20)
    after = drive.advance(standing, np.full(20, soc), _open(20), DT_S, np.random.default_rng(1))
    assert (after.mode == follows).all()


def test_no_moving_vehicle_charges_however_low_its_soc():
    for mode in (Mode.ACCELERATE, Mode.CRUISE, Mode.RECUPERATE):
        after = drive.advance(
            _about_to_leave(mode, 200), np.full(200, 1.0), _open(200), DT_S, np.random.default_rng(1)
        )
        assert (after.mode != Mode.CHARGE).all()


@pytest.mark.parametrize(("soc", "follows"), [(79.0, Mode.CHARGE), (81.0, Mode.STAND)])
def test_a_charging_vehicle_unplugs_once_it_is_charged(soc, follows):
    charging = replace(_about_to_leave(Mode.CHARGE, 20), remaining=np.full(20, 600.0))
    after = drive.advance(charging, np.full(20, soc), _open(20), DT_S, np.random.default_rng(1))
    assert (after.mode == follows).all()


def test_a_charging_vehicle_takes_current():
    state = drive.advance(
        _about_to_leave(Mode.STAND, 50), np.full(50, 10.0), _open(50), DT_S, np.random.default_rng(1)
    )
    assert (state.target >= 30.0).all()


def test_the_current_never_leaves_the_limits_it_is_given():
    rng = np.random.default_rng(2)
    state = drive.start(100, rng)
    limits = np.full(100, -40.0), np.full(100, 10.0)
    for _ in range(500):
        state = drive.advance(state, np.full(100, 50.0), limits, DT_S, rng)
        assert ((state.current >= -40.0) & (state.current <= 10.0)).all()


def test_advancing_leaves_the_state_it_is_given_as_it_was():
    state = _about_to_leave(Mode.CRUISE, 10)
    before = [field.copy() for field in (state.mode, state.remaining, state.target, state.current)]
    drive.advance(state, np.full(10, 50.0), _open(10), DT_S, np.random.default_rng(3))
    after = (state.mode, state.remaining, state.target, state.current)
    assert all((one == other).all() for one, other in zip(before, after, strict=True))
