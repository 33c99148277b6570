"""A record is in the figures of one hour, or it is counted as skewed, and never both."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_of, hour_path
from telemetry.domain.figures import inputs
from telemetry.domain.figures.memory import Memory
from telemetry.domain.store import objects
from telemetry.domain.store.storage import StoreUnavailableError
from tests.builders import HOUR, NOW, POLICY, a_record, identity, put_batch, put_foreign, stored_records
from tests.unit.figures.watching import SteppedAggregator

START = HOUR * HOUR_MS
EARLY = a_record(timestamp_ms=START, received_ms=START - 301_000)
"""A record that came a second too early to be believed, before its hour began."""
LATE = a_record(timestamp_ms=START, received_ms=START + POLICY.past_ms + 1000)


@pytest.fixture
def stepped() -> SteppedAggregator:
    return SteppedAggregator()


def again(record, seconds: int):
    """Deliver a record another time."""
    return a_record(timestamp_ms=record.timestamp_ms, received_ms=record.received_ms + 1000 * seconds)


async def skewed(stepped: SteppedAggregator, hour: int) -> int:
    figures = await stepped.figures(hour)
    assert figures
    return figures.skewed


async def test_copies_of_a_skewed_record_count_once(stepped):
    for seconds in (0, 1, 2):
        await put_batch(stepped.storage, again(EARLY, -seconds))
    await stepped.turns()
    assert await skewed(stepped, HOUR - 1) == 1


async def test_a_skewed_object_that_is_filed_again_after_it_was_listed_is_not_counted_as_damaged(stepped):
    await put_batch(stepped.storage, EARLY)
    filed = await put_batch(stepped.storage, again(EARLY, -1))
    look = await stepped.watch.look(NOW)
    await stepped.storage.delete(filed)
    built = await stepped.aggregator.settle(next(each for each in look.due if each.hour == HOUR - 1))
    assert built
    assert built.unread == {filed}
    assert (built.aggregated.skewed, built.aggregated.damaged) == (1, 0)


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_record_that_came_too_early_is_not_skewed_once_it_is_believed(stepped, restarts):
    await put_batch(stepped.storage, EARLY)
    await stepped.turns()
    assert await skewed(stepped, HOUR - 1) == 1
    if restarts:
        stepped.restart()
    await put_batch(stepped.storage, again(EARLY, 10))
    assert await stepped.take_built() == [HOUR]
    assert await skewed(stepped, HOUR - 1) == 0
    figures = await stepped.figures(HOUR)
    assert figures
    assert figures.unique == 1
    assert await stepped.take_built() == []


async def test_an_hour_is_counted_again_even_if_it_had_changed_and_is_what_it_was_once_it_is_looked_at(
    stepped,
):
    await put_batch(stepped.storage, EARLY)
    await stepped.turns()
    filed = await put_batch(stepped.storage, again(a_record(timestamp_ms=NOW, received_ms=START - 1000), 0))
    await put_batch(stepped.storage, again(EARLY, 10))
    look = await stepped.watch.look(NOW)
    await stepped.aggregator.settle(next(each for each in look.due if each.hour == HOUR))
    await stepped.storage.delete(filed)
    await stepped.turns()
    assert await skewed(stepped, HOUR - 1) == 0
    assert await stepped.take_built() == []


async def test_an_hour_without_figures_is_not_counted_again_but_built(stepped):
    await put_batch(stepped.storage, EARLY)
    await stepped.turns()
    await put_batch(stepped.storage, again(EARLY, 10))
    look = await stepped.watch.look(NOW)
    await stepped.storage.delete(objects.aggregated_key(Hour(HOUR - 1)))
    await stepped.aggregator.settle(next(each for each in look.due if each.hour == HOUR))
    await stepped.turns()
    assert await skewed(stepped, HOUR - 1) == 0


async def test_a_record_that_came_too_late_is_not_skewed_if_it_was_believed_before(stepped):
    await put_batch(stepped.storage, again(LATE, -10))
    await stepped.turns()
    stepped.clock.advance(POLICY.past_ms / 1000)
    await put_batch(stepped.storage, LATE, a_record(timestamp_ms=START + 5, received_ms=LATE.received_ms))
    await stepped.turns()
    assert await skewed(stepped, hour_of(LATE.received_ms)) == 1


async def test_copies_in_one_hour_are_found_by_the_figures_that_are_being_built(stepped):
    early = a_record(timestamp_ms=NOW, received_ms=NOW - 301_000)
    await put_batch(stepped.storage, early, a_record(timestamp_ms=NOW + 1, received_ms=NOW - 301_000))
    await put_batch(
        stepped.storage, again(early, 10), a_record(timestamp_ms=NOW + 3600, received_ms=NOW + 3600)
    )
    assert await stepped.take_built() == [HOUR]
    assert await skewed(stepped, HOUR) == 1


async def test_no_raw_object_is_read_again_for_records_of_vehicles_that_the_claimed_hour_does_not_know(
    stepped,
):
    await put_batch(stepped.storage, a_record(timestamp_ms=START, received_ms=START, vehicle_id="other"))
    await stepped.turns()
    stepped.storage.got.clear()
    await put_batch(stepped.storage, EARLY)
    assert await stepped.take_built() == [HOUR - 1]
    assert [key for key in stepped.storage.got if key.startswith("raw/")] == []


async def test_an_object_is_read_once_for_its_skewed_records_however_often_its_hour_is_built(stepped):
    key = await put_batch(stepped.storage, EARLY)
    for number in range(5):
        await put_batch(stepped.storage, a_record(timestamp_ms=START - 1000 - number, received_ms=START))
        await stepped.turns()
    assert stepped.storage.got.count(key) == 1


async def test_a_clock_that_is_off_by_years_marks_no_hour_and_lists_it_once(stepped):
    await put_batch(stepped.storage, a_record(timestamp_ms=0))
    for number in range(3):
        await put_batch(stepped.storage, a_record(timestamp_ms=NOW + number))
        await stepped.turns()
    assert stepped.storage.listed.count(f"raw/{hour_path(Hour(0))}/") == 1
    assert await stepped.storage.list("aggregated/year=1970/") == []


async def test_an_hour_is_counted_again_before_the_figures_that_it_claims_are_stored(stepped):
    await put_batch(stepped.storage, EARLY)
    await stepped.turns()
    await put_batch(stepped.storage, again(EARLY, 10))
    stepped.storage.puts_left = 2  # figures and inputs of the hour of the receipt
    await stepped.turns()
    assert await stepped.figures(HOUR) is None
    assert await skewed(stepped, HOUR - 1) == 0
    stepped.storage.puts_left = 10
    stepped.clock.advance(10)
    assert await stepped.take_built() == [HOUR]


@pytest.mark.parametrize("content", [b"torn\n", b"\xff"])
async def test_lines_of_a_skewed_object_that_are_no_records_are_named_and_not_counted(stepped, content):
    key = await put_foreign(stepped.storage, EARLY, more=content)
    (found,) = (await stepped.watch.look(NOW)).due
    built = await stepped.aggregator.settle(found)
    assert built
    assert [error.key for error in built.damage] == [key]
    assert (built.aggregated.skewed, built.aggregated.damaged) == (1, 0)


async def test_a_skewed_object_that_cannot_be_read_is_left_out_and_taken_in_once_it_can(stepped):
    await stepped.turns()
    key = await put_batch(stepped.storage, EARLY)
    await put_batch(stepped.storage, a_record(timestamp_ms=START - 1000, received_ms=START))
    stepped.storage.unreadable = {key}
    assert await stepped.take_built() == [HOUR - 1]
    figures = await stepped.figures(HOUR - 1)
    assert figures
    assert (figures.skewed, figures.damaged, figures.objects) == (0, 1, 1)
    stepped.storage.unreadable = ()
    stepped.clock.advance(10)
    assert await stepped.take_built() == [HOUR - 1]
    assert await skewed(stepped, HOUR - 1) == 1


async def test_a_store_that_lets_nothing_be_read_leaves_an_hour_of_skewed_records_for_later(stepped):
    await put_batch(stepped.storage, EARLY)
    (found,) = (await stepped.watch.look(NOW)).due
    stepped.storage.failing = {"get"}
    with pytest.raises(StoreUnavailableError):
        await stepped.aggregator.settle(found)
    stepped.storage.failing = ()
    assert await stepped.figures(HOUR - 1) is None


def test_a_mark_names_the_hour_that_claims():
    assert inputs.read_claim(inputs.claim_key(HOUR, Hour(HOUR - 1))) == HOUR - 1
    assert inputs.read_claim(objects.aggregated_key(HOUR)) is None


def test_a_memory_forgets_what_was_not_used_for_longest():
    memory: Memory[str] = Memory(3)
    for key in ("a", "b", "c"):
        memory.put(key, key.upper(), 1)
    assert memory.get("a") == "A"
    memory.put("d", "D", 1)
    memory.put("d", "D", 1)
    assert [memory.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    memory.put("large", "L", 4)
    assert [memory.get(key) for key in ("a", "c", "d", "large")] == [None, None, None, None]


EDGES = (-POLICY.past_ms, POLICY.future_ms)

deliveries = st.lists(
    st.tuples(
        st.sampled_from(["0x1", "0x2"]),
        st.integers(-2, 2).map(lambda n: START + 1000 * n),  # the timestamp, around the turn of an hour
        st.sampled_from(EDGES),
        st.integers(-2, 2),  # seconds on either side of the edge of belief
    ),
    max_size=8,
)


@settings(max_examples=150)
@given(st.lists(st.tuples(deliveries, st.sampled_from(["look", "restart", "nothing"])), max_size=5))
async def test_every_identity_is_in_figures_or_skewed_whatever_came_when(rounds):
    stepped = SteppedAggregator()
    for sent, then in rounds:
        for can_id, timestamp_ms, edge_ms, seconds in sent:
            record = a_record(
                can_id=can_id, timestamp_ms=timestamp_ms, received_ms=timestamp_ms - edge_ms + 1000 * seconds
            )
            await put_batch(stepped.storage, record)
        if then == "restart":
            stepped.restart()
        if then != "nothing":
            await stepped.turns()
            stepped.clock.advance(1)
    stepped.restart()
    await stepped.turns()
    stored = await stored_records(stepped.storage)
    believed = {identity(each) for each in stored if POLICY.place(each).tree == "raw"}
    apart: defaultdict[Hour, set[tuple[str, str, int]]] = defaultdict(set)
    for each in stored:
        if POLICY.place(each).tree == "skewed":
            apart[hour_of(each.received_ms)].add(identity(each))
    for hour in {hour_of(each.received_ms) for each in stored} | {
        hour_of(each.timestamp_ms) for each in stored
    }:
        figures = await stepped.figures(hour)
        counted = (figures.unique, figures.skewed) if figures else (0, 0)
        of_hour = {each for each in believed if hour_of(each[2]) == hour}
        assert counted == (len(of_hour), len(apart[hour] - believed))
