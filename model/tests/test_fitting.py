"""The fit of the cell to trips that the model itself has driven, so that the right result is known."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from model import trips
from model.trips import Trip
from telemetry.domain.vehicle.battery.variants import I3_60AH

pytest.importorskip("scipy", reason="the dependency group `model` is not installed")
from model import fitting  # needs it

TRIPS = 8
MOMENTS = 3000


@pytest.fixture(scope="module")
def driven() -> Sequence[Trip]:
    """Trips from full to empty and from cold to warm, with the voltage that the model gives them."""
    rng = np.random.default_rng(1)
    made = []
    for number, (soc, warm) in enumerate(
        zip(np.linspace(30.0, 86.0, TRIPS), rng.permutation(np.linspace(0.0, 30.0, TRIPS)), strict=True)
    ):
        current = np.repeat(rng.normal(-40.0, 60.0, MOMENTS // 10), 10)
        percent = np.cumsum(current) * trips.SAMPLING_S / 3600.0 / I3_60AH.cell.capacity_ah * 100.0
        temperature = np.linspace(warm, warm + 3.0, MOMENTS)
        nothing = np.zeros(MOMENTS)
        made.append(Trip(f"Trip{number}", nothing, nothing, current, soc + percent, temperature, temperature))
    # the first moment's charge has not flowed when its SoC is read
    made = [replace(trip, soc=trip.soc - trip.soc[0] + round(trip.soc[0], 1)) for trip in made]
    voltage = trips.replay(made).voltage
    return [replace(trip, voltage=voltage[:, each]) for each, trip in enumerate(made)]


@pytest.fixture(scope="module")
def fitted(driven) -> fitting.Fit:
    return fitting.fit(driven)


def test_the_model_meets_itself_but_for_what_is_drawn_towards_the_plausible(driven, fitted):
    error = np.concatenate(fitting.errors(driven, fitted))
    assert np.sqrt(np.mean(error**2)) < 0.3  # V of the pack


def test_time_constants_and_activation_are_found(fitted):
    pairs, searched = I3_60AH.cell.pairs, fitted.searched
    assert searched.first_tau_s == pytest.approx(pairs[0].tau_s, rel=0.2)
    assert searched.second_tau_s == pytest.approx(pairs[1].tau_s, rel=0.2)
    assert searched.transfer_activation == pytest.approx(pairs[0].resistance.activation, rel=0.1)


def test_resistances_are_found(fitted):
    cell = I3_60AH.cell
    ohmic, first, second, _ = fitted.linear[len(fitting.OCV_KNOTS) :][:4]
    assert ohmic + fitted.searched.transfer == pytest.approx(cell.ohmic.ohm + cell.transfer.ohm, rel=0.05)
    assert first == pytest.approx(cell.pairs[0].resistance.ohm, rel=0.15)
    assert second == pytest.approx(cell.pairs[1].resistance.ohm, rel=0.15)


def test_a_trip_that_is_far_off_does_not_bend_the_others(driven):
    off = replace(driven[2], voltage=driven[2].voltage - 6.0)
    bent = fitting.fit([*driven[:2], off, *driven[3:]])
    others = [error for each, error in enumerate(fitting.errors(driven, bent)) if each != 2]
    assert np.sqrt(np.mean(np.concatenate(others) ** 2)) < 1.0
