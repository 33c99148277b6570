"""Which millisecond a frame gets whose own one may be taken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.can.taken import Taken

RUNS = st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=12), min_size=1, max_size=8)


def place(taken: Taken, *wanted: int) -> list[int]:
    return [int(ms) for ms in taken.place(np.array(wanted, np.int64))]


def by_hand(runs: list[list[int]]) -> list[list[int]]:
    """Give each frame its own millisecond, or the first free one after it."""
    used: set[int] = set()
    placed = []
    for run in runs:
        row = []
        for wanted in run:
            while wanted in used:
                wanted += 1  # noqa: PLW2901  # the search for a free one
            used.add(wanted)
            row.append(wanted)
        placed.append(row)
    return placed


def test_a_frame_stays_where_it_is_if_its_millisecond_is_free():
    taken = Taken()
    assert place(taken, 5, 6, 9) == [5, 6, 9]
    assert place(taken, 10, 20) == [10, 20]


def test_frames_of_one_millisecond_are_moved_one_behind_the_other():
    taken = Taken()
    assert place(taken, 10, 10, 10, 11, 20) == [10, 11, 12, 13, 20]
    assert place(taken, 20, 20) == [21, 22]


def test_a_clock_that_was_set_back_moves_nothing_that_is_free():
    taken = Taken()
    assert place(taken, 1000, 1001) == [1000, 1001]
    assert place(taken, 10, 11, 1000, 12) == [10, 11, 1002, 12]


def test_a_million_frames_of_one_moment_are_placed_in_a_moment():
    taken = Taken()
    placed = taken.place(np.zeros(500_000, np.int64))
    assert placed.tolist() == list(range(500_000))
    assert taken.place(np.array([5, 0], np.int64)).tolist() == [500_000, 500_001]


def test_what_is_remembered_is_bounded_by_the_latest_frames():
    taken = Taken(remembered=4)
    assert place(taken, 0, 100_000, 100_001) == [0, 100_000, 100_001]
    assert place(taken, 100_002, 200_000, 200_001) == [100_002, 200_000, 200_001]
    assert place(taken, 0) == [0]  # forgotten
    assert place(taken, 200_000) == [200_002]


@given(RUNS)
def test_every_frame_gets_the_first_free_millisecond_from_its_own_on(runs):
    taken = Taken()
    assert [place(taken, *run) for run in runs] == by_hand(runs)


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=12), min_size=1, max_size=8))
def test_frames_that_do_not_go_back_are_placed_the_same(steps):
    runs, now = [], 0
    for some in steps:
        run = []
        for step in some:
            now += max(0, step - 3)
            run.append(now)
        runs.append(run)
    taken = Taken()
    assert [place(taken, *run) for run in runs] == by_hand(runs)


@pytest.mark.parametrize("far", [70_000, 10**12])
def test_steps_of_any_size_are_remembered(far):
    taken = Taken()
    place(taken, 0, far, 2 * far)
    assert place(taken, far, 2 * far, 0) == [far + 1, 2 * far + 1, 1]
