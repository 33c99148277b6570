"""A recorded trace, driven again."""

import numpy as np
import pytest

from telemetry.domain.vehicle.battery.drive import Status
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.battery.trace import Repeat, Trace

STATUS = Status(np.full(2, 50.0), np.full(2, 370.0), np.full(2, 20.0))


def _column(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def test_a_recorded_current_is_held_until_the_next_moment_and_nothing_follows_it():
    repeat = Repeat(Trace(_column(5.0, 6.0, 7.0), current=_column(-10.0, -20.0, -99.0)))
    asked = [repeat.ask(STATUS, 0.5)[0] for _ in range(6)]
    np.testing.assert_allclose(asked, [-10.0, -10.0, -20.0, -20.0, 0.0, 0.0])


def test_no_charge_is_lost_between_moments():
    repeat = Repeat(Trace(_column(0.0, 1.0, 2.0), current=_column(-10.0, -30.0, 0.0)))
    asked = [repeat.ask(STATUS, 0.8) for _ in range(3)]
    assert sum(0.8 * each[0] for each in asked) == pytest.approx(-40.0)


def test_every_vehicle_drives_the_recorded_speed():
    repeat = Repeat(Trace(_column(0.0, 10.0, 20.0), speed=_column(0.0, 15.0, 0.0)))
    asked = np.array([repeat.ask(STATUS, 1.0) for _ in range(20)])
    assert (asked[:, 0] == asked[:, 1]).all()
    assert asked[8, 0] < -50.0
    assert asked[12, 0] > 20.0


@pytest.mark.parametrize(
    ("time", "columns", "complaint"),
    [
        (_column(0, 1), {}, "either a current or a speed"),
        (_column(0, 1), {"current": _column(1, 1), "speed": _column(1, 1)}, "either a current or a speed"),
        (_column(0), {"current": _column(1)}, "at least two moments"),
        (_column(0, 1), {"current": _column(1, 1, 1)}, "a value at each"),
        (_column(1, 1), {"speed": _column(1, 1)}, "the time of a trace rises"),
        (_column(0, 1), {"speed": _column(1, np.nan)}, "its values are numbers"),
    ],
)
def test_a_trace_that_cannot_be_driven_is_refused(time, columns, complaint):
    with pytest.raises(ValueError, match=complaint):
        Trace(time, **columns)
