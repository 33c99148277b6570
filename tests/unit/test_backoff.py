"""Pauses before something that failed is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.backoff import Backoff


def test_pauses_double_up_to_the_longest():
    backoff = Backoff(0.5, 3.0)
    assert [backoff.pause_s() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_after_a_success_they_begin_anew():
    backoff = Backoff(0.5, 3.0)
    backoff.pause_s()
    backoff.reset()
    assert backoff.pause_s() == 0.5


def test_no_pause_is_shorter_than_what_the_other_side_asked_for():
    backoff = Backoff(0.5, 3.0)
    assert backoff.pause_s(at_least_s=2.0) == 2.0
    assert backoff.pause_s(at_least_s=0.1) == 1.0


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 10))
def test_chance_makes_a_pause_longer_by_less_than_itself(drawn, asked_s):
    pause_s = Backoff(0.5, 3.0, lambda: drawn).pause_s(asked_s)
    assert max(asked_s, 0.5) <= pause_s <= max(asked_s, 0.5) + 0.5
    assert pause_s - max(asked_s, 0.5) == pytest.approx(drawn * 0.5)
