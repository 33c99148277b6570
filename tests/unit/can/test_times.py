"""The times of a log: how far they reach, where they are odd, when it starts, when a frame is due."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.can.columns import Frames
from telemetry.domain.can.measured import Measured
from telemetry.domain.can.times import Extent, Pace, start_ms
from tests.builders import NOON
from tests.can_logs import block

SECONDS = st.lists(st.floats(-1e6, 1e10))


def frames(*times: float) -> Frames:
    return block(*((time, 0x112, b"\x05") for time in times))


def test_a_log_reaches_as_far_as_its_latest_frame():
    extent = Extent()
    assert extent.seconds == 0
    extent.add(frames(10, 12.5))
    extent.add(frames())
    extent.add(frames(12, 9))
    assert extent.seconds == 2.5


def test_times_that_go_back_or_jump_are_counted_with_the_largest():
    extent = Extent()
    extent.add(frames(3600, 3601, 10, 11, 10.9995))
    extent.add(frames(10.9985, 72, 72))
    assert (extent.back, extent.furthest_back_us) == (2, 3_591_000_000)
    assert (extent.jumps, extent.longest_jump_us) == (1, 61_001_500)


def test_groups_of_signals_may_follow_each_other_in_any_order():
    extent = Extent()
    for times in ([0, 5_000_000], [1_000_000, 9_000_000]):
        extent.add(Measured(np.array(times, np.int64), "0", 1, ["a"], np.zeros((2, 1))))
    assert (extent.seconds, extent.back, extent.jumps) == (9.0, 0, 0)


def test_the_first_frame_of_a_log_is_no_jump():
    extent = Extent()
    extent.add(frames(1.76e9))
    assert (extent.back, extent.jumps) == (0, 0)


@pytest.mark.parametrize(
    ("extent_s", "speed", "start"),
    [
        (0, math.inf, 0),
        (3600, math.inf, -3_600_000),  # it ends now
        (3600, 1, 0),
        (3600, 0.5, 0),
        (400, 2, 0),  # 200 s ahead of the clock at its end
        (3600, 2, -1_800_000),  # it ends as its sending does, in half an hour
        (3600, 10, -3_240_000),
    ],
)
def test_a_log_starts_so_that_each_record_is_believed_when_it_is_sent(extent_s, speed, start):
    assert start_ms(NOON, extent_s, speed, 300_000) == NOON + start


@given(st.floats(0, 6 * 24 * 3600), st.floats(0.01, 1000), st.floats(0, 1))
def test_no_record_is_ever_further_ahead_of_its_sending_than_is_believed(extent_s, speed, part):
    logged_ms = start_ms(NOON, extent_s, speed, 300_000) + extent_s * part * 1000
    sent_ms = NOON + extent_s * part * 1000 / speed
    assert logged_ms - sent_ms < 300_001


def cut(times: Sequence[float], speed: float) -> Sequence[tuple[float, Sequence[float]]]:
    pace = Pace(speed)
    return [(due, (run.times_us / 1e6).tolist()) for due, run in pace.runs(frames(*times))]


def test_a_log_is_played_at_once_or_not_at_all():
    assert cut([7, 8, 9, 10], math.inf) == [(0, [7, 8, 9, 10])]
    assert cut([], math.inf) == []


def test_a_run_is_due_when_its_last_frame_is_and_gathers_no_longer_than_a_tick():
    assert cut([10, 10.1, 10.125, 10.5, 14], 2) == [(0.0625, [10, 10.1, 10.125]), (0.25, [10.5]), (2, [14])]


def test_a_frame_whose_time_goes_back_is_due_with_the_one_before():
    assert [due for due, _ in cut([10, 11, 9, 12], 1)] == [0, 1, 2]


def test_a_log_goes_on_where_it_stopped():
    pace = Pace(1)
    dues = [due for some in (frames(10, 11), frames(), frames(12)) for due, _ in pace.runs(some)]
    assert dues == [0, 1, 2]


def test_a_gap_of_more_than_an_hour_is_waited_for_a_second_and_counted():
    pace = Pace(2)
    assert [due for due, _ in pace.runs(frames(0, 3600, 1.76e9, 1.76e9 + 1))] == [0, 1800, 1801, 1801.5]
    assert pace.shortened == 1


@given(SECONDS, st.sampled_from([0.5, 1, 100, math.inf]))
def test_a_log_is_cut_without_losing_or_moving_a_frame(times, speed):
    cuts = cut(times, speed)
    assert [time for _, some in cuts for time in some] == (frames(*times).times_us / 1e6).tolist()
    dues = [due for due, _ in cuts]
    assert dues == sorted(dues)
    assert all(0 <= due < math.inf for due in dues)
