"""The model against trips of a real car, which are beside the repository."""

import numpy as np
import pytest

from model import trips

SOME = ["TripA01", "TripA12", "TripA27", "TripB16", "TripB35"]


@pytest.fixture
def driven(real_data) -> list[trips.Trip]:
    return [trips.read(real_data / "tum_bmw_i3_60ah" / f"{name}.csv.gz") for name in SOME]


def test_the_voltage_of_real_trips_is_met_within_a_volt(driven):
    errors = trips.errors(driven, trips.replay(driven).voltage)
    assert list(errors) == SOME
    together = np.concatenate(list(errors.values()))
    assert np.sqrt(np.mean(together**2)) < 1.0
    assert np.sqrt(np.mean([error.var() for error in errors.values()])) < 0.5


def test_the_temperature_of_real_trips_is_met_within_a_kelvin_or_two(driven):
    modelled = trips.replay(driven, own_temperature=True).temperature
    ends = [modelled[len(trip.temperature) - 1, each] for each, trip in enumerate(driven)]
    np.testing.assert_allclose(ends, [trip.temperature[-1] for trip in driven], atol=2.0)


def test_faulty_trips_are_left_out_by_name(real_data):
    loaded = trips.load(real_data / "tum_bmw_i3_60ah")
    assert len(loaded) == 36
    assert not trips.FAULTY.keys() & {trip.name for trip in loaded}
