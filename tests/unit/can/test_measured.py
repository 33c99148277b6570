"""Signals that a logger decoded itself."""

import numpy as np

from telemetry.domain.can.measured import Measured

NAN = float("nan")


def made(*rows: list[float]) -> Measured:
    times = np.arange(len(rows), dtype=np.int64) * 1000
    return Measured(times, "CAN1", 0x112, ["battery_soc", "speed"], np.array(rows).reshape(-1, 2))


def test_each_row_has_the_signals_that_are_available():
    measured = made([50.0, NAN], [NAN, NAN], [51.0, 7.0])
    assert measured.size == 3
    assert list(measured.rows()) == [{"battery_soc": 50.0}, {}, {"battery_soc": 51.0, "speed": 7.0}]


def test_what_is_impossible_is_left_out_and_counted_by_signal():
    kept, counts = made([101.0, 1e9], [100.0, -1.0], [-1.0, 0.0]).without_impossible()
    assert list(kept.rows()) == [{"speed": 1e9}, {"battery_soc": 100.0, "speed": -1.0}, {"speed": 0.0}]
    assert counts == {"battery_soc": 2}


def test_some_rows_are_taken():
    taken = made([1.0, 2.0], [3.0, 4.0], [5.0, 6.0]).take(slice(1, None))
    assert taken.times_us.tolist() == [1000, 2000]
    assert taken.values.tolist() == [[3.0, 4.0], [5.0, 6.0]]
