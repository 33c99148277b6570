"""What repeats is said once in a period, with how often it happened, and nothing is left uncounted."""

from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.throttle import Throttle


def test_the_first_is_said_at_once_and_the_next_after_a_period_with_all_that_came_between():
    throttle = Throttle(period_s=1.0)
    assert throttle.admit("full", 10.0) == 1
    assert throttle.admit("full", 10.1) == 0
    assert throttle.admit("full", 10.9, count=3) == 0
    assert throttle.admit("full", 11.0) == 5


def test_kinds_do_not_silence_each_other():
    throttle = Throttle(period_s=1.0)
    assert throttle.admit("full", 0.0) == 1
    assert throttle.admit("away", 0.0) == 1


def test_what_is_remembered_is_bounded():
    throttle = Throttle(period_s=1.0, keys=2)
    assert [throttle.admit(key, 0.0) for key in "abc"] == [1, 1, 1]
    assert len(throttle._said_s) == 2
    assert throttle.admit("a", 0.0) == 1  # it was forgotten
    assert throttle.admit("c", 0.0) == 0


@given(st.lists(st.floats(0, 0.7), max_size=50))
def test_each_event_is_said_or_still_counted(gaps_s):
    throttle, now_s, said = Throttle(period_s=1.0), 0.0, 0
    for gap_s in gaps_s:
        now_s += gap_s
        said += throttle.admit("x", now_s)
    assert said + throttle.admit("x", now_s + 2.0) == len(gaps_s) + 1
