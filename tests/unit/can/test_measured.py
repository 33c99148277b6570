"""Signals that a logger decoded itself."""

import numpy as np

from telemetry.domain.can.measured import Measured
from telemetry.domain.can.part import Mark

NAN = float("nan")


def made(*rows: list[float]) -> Measured:
    times = np.arange(len(rows), dtype=np.int64) * 1000
    return Measured(times, "CAN1", 0x112, ["battery_soc", "speed"], np.array(rows).reshape(-1, 2))


def test_each_row_has_the_signals_that_are_available():
    measured = made([50.0, NAN], [NAN, NAN], [51.0, 7.0])
    assert measured.size == 3
    assert measured.part().signals() == [{"battery_soc": 50.0}, {}, {"battery_soc": 51.0, "speed": 7.0}]


def test_what_is_impossible_is_left_out_and_counted_by_signal():
    part = made([101.0, 1e9], [100.0, -1.0], [-1.0, NAN]).part()
    assert part.signals() == [{"speed": 1e9}, {"battery_soc": 100.0, "speed": -1.0}, {}]
    assert list(part.marked()) == [(Mark.IMPOSSIBLE, "battery_soc", 2), (Mark.UNAVAILABLE, "speed", 1)]


def test_some_rows_are_taken():
    taken = made([1.0, 2.0], [3.0, 4.0], [5.0, 6.0]).take(slice(1, None))
    assert taken.times_us.tolist() == [1000, 2000]
    assert taken.values.tolist() == [[3.0, 4.0], [5.0, 6.0]]
