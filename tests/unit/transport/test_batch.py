"""When a batch is due, what taking it takes, and how sizes are cut into runs."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.transport.batch import Batcher, BatchLimits, runs

LIMITS = BatchLimits(count=100, size=5000, age_s=2.0)

ARRIVALS = st.lists(
    st.tuples(
        st.floats(0, 3),  # seconds since the one before
        st.integers(1, 60),  # messages
        st.integers(0, 3000),  # bytes
    ),
    max_size=40,
)


@given(ARRIVALS)
def test_a_batcher_loses_nothing_keeps_order_and_lets_nobody_wait_longer_than_the_age(arrivals):
    batcher: Batcher[tuple[int, float]] = Batcher(LIMITS)
    now, taken, waits = 0.0, [], []

    def take(moment: float) -> None:
        for number, arrived in batcher.take():
            taken.append(number)
            waits.append(moment - arrived)

    for number, (gap, count, size) in enumerate(arrivals):
        now += gap
        while (deadline := batcher.deadline_s) is not None and deadline <= now:
            assert batcher.is_due(deadline)  # who sleeps until then need not look again
            take(deadline)
        batcher.add((number, now), count, size, now)
        if batcher.is_due(now):
            take(now)
    if batcher.deadline_s is not None:
        take(batcher.deadline_s)
    assert taken == list(range(len(arrivals)))
    assert all(wait <= LIMITS.age_s + 1e-9 for wait in waits)


@given(ARRIVALS)
def test_a_deadline_is_that_of_the_oldest_and_does_not_move_when_others_arrive(arrivals):
    batcher: Batcher[int] = Batcher(LIMITS)
    now = 100.0
    for number, (gap, count, size) in enumerate(arrivals):
        now += gap
        batcher.add(number, count, size, now)
        assert batcher.deadline_s == 100.0 + arrivals[0][0] + LIMITS.age_s


@given(ARRIVALS)
def test_a_batch_is_due_exactly_at_its_count_or_size_or_age(arrivals):
    batcher: Batcher[int] = Batcher(LIMITS)
    now = messages = size = 0.0
    first = None
    for number, (gap, more, larger) in enumerate(arrivals):
        now += gap
        first = now if first is None else first
        messages, size = messages + more, size + larger
        batcher.add(number, more, larger, now)
        assert batcher.is_due(now) == (messages >= 100 or size >= 5000 or now >= first + 2.0)
        assert batcher.size == size


@given(ARRIVALS)
def test_taking_takes_all_that_has_arrived_and_starts_anew(arrivals):
    batcher: Batcher[int] = Batcher(LIMITS)
    for number, (gap, count, size) in enumerate(arrivals):
        batcher.add(number, count, size, gap)
    assert list(batcher.items) == batcher.take() or not arrivals
    assert (batcher.items, batcher.size, batcher.deadline_s) == ([], 0, None)
    batcher.add(0, 1, 0, 50.0)
    assert batcher.deadline_s == 52.0
    assert not batcher.is_due(51.0)


def test_an_empty_batch_is_never_due():
    batcher: Batcher[int] = Batcher(BatchLimits(count=0, size=0, age_s=0.0))
    assert not batcher.is_due(1e9)
    assert batcher.deadline_s is None
    assert batcher.take() == []


@pytest.mark.parametrize(("count", "size", "due"), [(99, 4999, False), (100, 0, True), (1, 5000, True)])
def test_one_item_may_stand_for_many_messages(count, size, due):
    batcher: Batcher[str] = Batcher(LIMITS)
    batcher.add("all", count, size, 0.0)
    assert batcher.is_due(0.0) is due


def test_what_was_taken_does_not_change_when_others_arrive():
    batcher: Batcher[str] = Batcher(LIMITS)
    batcher.add("a", 1, 1, 0.0)
    taken = batcher.take()
    batcher.add("b", 1, 1, 0.0)
    assert taken == ["a"]


SIZES = st.lists(st.integers(0, 120), max_size=50)


@given(SIZES, st.integers(0, 100))
def test_runs_cover_everything_in_order(sizes, limit):
    covered = [size for run in runs(sizes, limit) for size in sizes[run]]
    assert covered == sizes


@given(SIZES, st.integers(0, 100))
def test_no_run_exceeds_the_limit_but_of_what_is_larger_by_itself(sizes, limit):
    for run in runs(sizes, limit):
        members = sizes[run]
        assert members
        assert sum(members) <= limit or len(members) == 1


@given(SIZES, st.integers(0, 100))
def test_no_two_neighbouring_runs_would_fit_into_one(sizes, limit):
    cut = [sizes[run] for run in runs(sizes, limit)]
    for one, next_one in pairwise(cut):
        assert sum(one) + next_one[0] > limit


def test_there_are_no_runs_of_nothing():
    assert list(runs([], 10)) == []
