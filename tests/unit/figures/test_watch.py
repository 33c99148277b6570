"""Every hour whose objects changed is found, however old, and one that is at fault costs no other."""

import pytest

from telemetry.domain.contract.moment import HOUR_MS, Hour, format_hour, hour_path
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.store import notes
from tests.builders import HOUR, NOW, a_record, an_envelope, put_batch
from tests.unit.figures.watching import SteppedAggregator
from tests.unit.store.stepped import AT_ONCE, SteppedConsumer

DAY_S = 24 * 3600


def of_hour(hours: int, **changes: object) -> Record:
    """Make a record of an hour so many after that of now."""
    ms = NOW + hours * HOUR_MS
    return a_record(**{"timestamp_ms": ms, "received_ms": ms} | changes)


@pytest.fixture
def stepped() -> SteppedAggregator:
    return SteppedAggregator()


async def note(stepped: SteppedAggregator, *keys: str) -> None:
    for key, content in notes.of(keys, stepped.clock.wall_ms()):
        await stepped.storage.put(key, content)


async def test_at_the_start_every_hour_is_compared_once_and_what_is_current_is_not_read(stepped):
    for hours in (0, -1, -30, -24 * 400):
        await put_batch(stepped.storage, of_hour(hours))
    await put_batch(stepped.storage, of_hour(-50, timestamp_ms=0))
    assert await stepped.take_built() == [HOUR - 24 * 400, HOUR - 50, HOUR - 30, HOUR - 1, HOUR]
    stepped.restart()
    stepped.storage.failing = {"get"}
    assert await stepped.take_built() == []
    assert stepped.storage.failures == 0


async def test_what_others_put_beside_the_trees_is_passed_over(stepped):
    for key in ("raw/notes.txt", "raw/a/b/c/d.txt", f"raw/{hour_path(HOUR)[:-8]}/x.txt", "notes/theirs.txt"):
        await stepped.storage.put(key, b"theirs")
    assert await stepped.take_built() == []
    assert len(await stepped.storage.list("")) == 4


async def test_a_look_lists_the_hours_around_now_and_the_notes_however_much_is_stored(stepped):
    await stepped.turns()
    for hours in range(0, -300, -7):
        await put_batch(stepped.storage, of_hour(hours))
    stepped.storage.listed.clear()
    await stepped.turn()
    assert len(stepped.storage.listed) == 1 + 3 * 4
    assert stepped.built == [HOUR]


async def test_a_new_object_in_an_hour_around_now_is_found_by_the_next_look(stepped):
    await stepped.turns()
    for hours in (-2, -1, 0, 1):
        await put_batch(stepped.storage, of_hour(hours))
    assert await stepped.take_built() == [HOUR - 2, HOUR - 1, HOUR, HOUR + 1]
    assert await stepped.take_built() == []


async def test_a_noted_hour_is_built_and_its_note_is_deleted_once_its_figures_are_durable(stepped):
    await stepped.turns()
    await note(
        stepped,
        await put_batch(stepped.storage, of_hour(-100)),
        await put_batch(stepped.storage, of_hour(-9)),
    )
    stepped.storage.failing = {"get"}
    assert await stepped.take_built() == []
    assert len(await stepped.storage.list(notes.NOTES)) == 1
    stepped.storage.failing = ()
    stepped.clock.advance(10)
    assert await stepped.take_built() == [HOUR - 100, HOUR - 9]
    assert await stepped.storage.list(notes.NOTES) == []


async def test_a_note_of_an_hour_that_is_current_already_is_deleted(stepped):
    key = await put_batch(stepped.storage, of_hour(-100))
    await stepped.turns()
    await note(stepped, key)
    assert await stepped.take_built() == []
    assert await stepped.storage.list(notes.NOTES) == []


async def test_a_note_left_while_its_hour_is_built_outlives_the_note_before_it(stepped):
    await stepped.turns()
    await note(stepped, await put_batch(stepped.storage, of_hour(-100)))
    look = await stepped.watch.look(NOW)
    await note(stepped, await put_batch(stepped.storage, of_hour(-100, can_id="0x2")))
    (found,) = look.due
    await stepped.aggregator.settle(found)
    stepped.watch.settled(found.hour)
    await stepped.watch.tidy()
    assert len(await stepped.storage.list(notes.NOTES)) == 1
    assert await stepped.take_built() == [HOUR - 100]
    figures = await stepped.figures(HOUR - 100)
    assert figures
    assert figures.unique == 2


async def test_a_note_that_cannot_be_deleted_is_deleted_later_and_its_hour_is_not_built_again(stepped):
    await stepped.turns()
    await note(stepped, await put_batch(stepped.storage, of_hour(-100)))
    stepped.storage.failing = {"delete"}
    assert await stepped.take_built() == [HOUR - 100]
    assert len(await stepped.storage.list(notes.NOTES)) == 1
    stepped.storage.failing = ()
    assert await stepped.take_built() == []
    assert await stepped.storage.list(notes.NOTES) == []


async def test_many_noted_hours_are_built_a_few_at_a_look_with_those_around_now_first(stepped):
    await stepped.turns()
    await note(stepped, *[await put_batch(stepped.storage, of_hour(-hours)) for hours in range(10, 40)])
    await put_batch(stepped.storage, of_hour(0))
    look = await stepped.turn()
    assert look.has_more
    assert (stepped.built[0], len(stepped.built)) == (HOUR, 9)
    await stepped.turns()
    assert sorted(stepped.built) == [*range(HOUR - 39, HOUR - 9), HOUR]
    assert await stepped.storage.list(notes.NOTES) == []


async def test_once_a_day_everything_is_compared_again(stepped):
    await stepped.turns()
    await put_batch(stepped.storage, of_hour(-1000))  # by somebody who leaves no note
    stepped.clock.advance(DAY_S - 60)
    assert await stepped.take_built() == []
    stepped.clock.advance(60)
    assert await stepped.take_built() == [HOUR - 1000]


@pytest.mark.parametrize("hours", [5, 23, 25, 24 * 365, -5, -24 * 365])
async def test_hours_that_passed_since_the_last_look_are_found_without_a_note(stepped, hours):
    await stepped.turns()
    for each in range(0, hours + (hours > 0), 1 if hours > 0 else -1):
        if abs(each) < 30:
            await put_batch(stepped.storage, of_hour(each))
    stepped.clock.advance(hours * 3600)
    await stepped.turns()
    assert len(await stepped.storage.list("raw/")) == len(set(stepped.built))


# One bad hour


async def test_an_hour_that_cannot_be_listed_is_named_and_costs_no_other(stepped):
    await stepped.turns()
    for hours in (0, -1):
        await put_batch(stepped.storage, of_hour(hours))
    stepped.storage.refused = f"raw/{hour_path(HOUR)}"
    look = await stepped.turn()
    assert (list(look.failed), look.is_away) == ([format_hour(HOUR)], False)
    assert stepped.built == [HOUR - 1]
    stepped.clock.advance(5 * 3600)  # after which nobody would look at it by itself
    assert list((await stepped.turn()).failed) == [format_hour(HOUR)]
    stepped.storage.refused = None
    stepped.clock.advance(600)
    assert await stepped.take_built() == [HOUR]


@pytest.mark.parametrize("tree", ["raw", "skewed", "aggregated"])
async def test_an_old_hour_that_cannot_be_listed_is_found_by_the_comparison_and_costs_no_other_hour_of_its_day(
    stepped, tree
):
    for hours in (-60, -61):
        await put_batch(stepped.storage, of_hour(hours))
    stepped.storage.refused = f"{tree}/{hour_path(Hour(HOUR - 60))}"
    look = await stepped.turn()
    assert list(look.failed) == [format_hour(Hour(HOUR - 60))]
    await stepped.turns()
    assert stepped.built == [HOUR - 61]
    stepped.storage.refused = None
    stepped.clock.advance(60)
    assert await stepped.take_built() == [HOUR - 60]


async def test_a_year_that_cannot_be_listed_is_named_and_tried_again_soon(stepped):
    for hours in (-60, -24 * 365):
        await put_batch(stepped.storage, of_hour(hours))
    stepped.storage.refused = "raw/year=2024/"
    assert list((await stepped.turn()).failed) == ["raw/year=2024/"]
    await stepped.turns()
    assert stepped.built == [HOUR - 60]
    stepped.storage.refused = None
    stepped.clock.advance(600)
    assert await stepped.take_built() == [HOUR - 24 * 365]


async def test_a_store_that_is_away_is_no_look(stepped):
    await put_batch(stepped.storage, of_hour(0))
    stepped.storage.failing = {"list"}
    look = await stepped.turn()
    assert (look.is_away, look.has_more, look.due) == (True, False, [])
    stepped.storage.failing = ()
    stepped.clock.advance(7 * 3600)
    assert await stepped.take_built() == [HOUR]


async def test_notes_that_cannot_be_listed_keep_no_hour_around_now_from_its_figures(stepped):
    await put_batch(stepped.storage, of_hour(0))
    stepped.storage.refused = notes.NOTES
    look = await stepped.turn()
    assert (list(look.failed), stepped.built) == ([notes.NOTES], [HOUR])


async def test_an_hour_that_cannot_be_built_is_tried_again_after_growing_pauses_or_once_its_objects_change(
    stepped,
):
    await stepped.turns()
    await put_batch(stepped.storage, of_hour(0))
    stepped.storage.failing = {"get"}
    tried = []
    for second in range(100):
        before = stepped.storage.failures
        await stepped.turn()
        if stepped.storage.failures > before:
            tried.append(second)
        stepped.clock.advance(1)
    assert tried == [0, 5, 15, 35, 75]
    await put_batch(stepped.storage, of_hour(0, can_id="0x2"))
    stepped.storage.failing = ()
    assert await stepped.take_built() == [HOUR]


async def test_an_object_that_cannot_be_read_is_left_out_counted_and_taken_in_once_it_can(stepped):
    await stepped.turns()
    refused = await put_batch(stepped.storage, of_hour(0))
    await put_batch(stepped.storage, of_hour(0, can_id="0x2"))
    stepped.storage.unreadable = {refused}
    assert await stepped.take_built() == [HOUR]
    figures = await stepped.figures(HOUR)
    assert figures
    assert (figures.unique, figures.damaged, figures.objects) == (1, 1, 1)
    stepped.storage.unreadable = set()
    stepped.clock.advance(10)
    assert await stepped.take_built() == [HOUR]
    figures = await stepped.figures(HOUR)
    assert figures
    assert (figures.unique, figures.damaged, figures.objects) == (2, 0, 2)


async def test_an_object_that_vanishes_after_it_was_listed_is_named_and_the_rest_is_built(stepped):
    await put_batch(stepped.storage, of_hour(0))
    gone = await put_batch(stepped.storage, of_hour(0, can_id="0x2"))
    look = await stepped.watch.look(NOW)
    await stepped.storage.delete(gone)
    built = await stepped.aggregator.settle(look.due[0])
    assert built
    assert [(error.key, error.why) for error in built.damage] == [
        (gone, "it was removed after it was listed")
    ]
    assert built.aggregated.unique == 1
    assert built.aggregated.damaged == 0  # as if it had been removed before it was listed
    stepped.watch.failed(look.due[0], NOW)
    assert await stepped.take_built() == []  # what is listed now is what was built


# Outages


async def test_what_a_consumer_stores_after_26_hours_of_absence_is_found_by_an_aggregator_that_runs():
    consumer = SteppedConsumer(AT_ONCE)
    stepped = SteppedAggregator(consumer.storage, consumer.clock)
    await stepped.turns()
    await consumer.send(an_envelope(of_hour(0)), an_envelope(of_hour(0, timestamp_ms=0, can_id="0x2")))
    for _ in range(26):
        consumer.clock.advance(3600)
        await stepped.turns()
    assert stepped.built == []
    await consumer.due_turn()
    assert await stepped.take_built() == [HOUR]
    figures = await stepped.figures(HOUR)
    assert figures
    assert (figures.unique, figures.skewed) == (1, 1)


async def test_what_was_stored_while_no_aggregator_ran_for_8_days_is_found_at_its_start():
    consumer = SteppedConsumer(AT_ONCE)
    stepped = SteppedAggregator(consumer.storage, consumer.clock)
    await stepped.turns()
    for hours in range(8 * 24):
        await consumer.send(an_envelope(of_hour(hours)))
        await consumer.due_turn()
        consumer.clock.advance(3600)
    stepped.restart()
    assert await stepped.take_built() == list(range(HOUR, HOUR + 8 * 24))


async def test_a_dead_letter_that_is_replayed_after_30_days_is_in_the_figures_of_its_hour():
    consumer = SteppedConsumer(AT_ONCE)
    stepped = SteppedAggregator(consumer.storage, consumer.clock)
    await consumer.send(an_envelope(of_hour(0)))
    await consumer.due_turn()
    await consumer.send(an_envelope(of_hour(0, can_id="0x2")))
    while not (await consumer.queue.depth()).dead:
        await consumer.queue.receive(1, 0)
        consumer.clock.advance(30)
    await stepped.turns()
    for _ in range(30):
        consumer.clock.advance(DAY_S)
        await stepped.turns()
    (letter,) = await consumer.queue.dead(10)
    await consumer.queue.redrive([letter.handle])
    await consumer.due_turn()
    assert await stepped.take_built() == [HOUR]
    figures = await stepped.figures(HOUR)
    assert figures
    assert figures.unique == 2


async def test_hours_in_the_future_that_the_policy_believes_are_found_too():
    policy = PartitionPolicy(future_ms=100 * HOUR_MS)
    consumer = SteppedConsumer(AT_ONCE, policy=policy)
    stepped = SteppedAggregator(consumer.storage, consumer.clock)
    await stepped.turns()
    ahead = [a_record(timestamp_ms=NOW + hours * HOUR_MS) for hours in (0, 1, 2, 50, 99)]
    for record in ahead:
        await consumer.send(an_envelope(record, policy=policy))
        await consumer.due_turn()
    assert await stepped.take_built() == [HOUR, HOUR + 1, HOUR + 2, HOUR + 50, HOUR + 99]


@pytest.mark.parametrize("consumer_ahead_s", [-40 * DAY_S, -3000, 1700, 40 * DAY_S])
async def test_a_consumer_whose_clock_differs_stores_nothing_that_an_aggregator_does_not_find(
    consumer_ahead_s,
):
    consumer = SteppedConsumer(AT_ONCE)
    stepped = SteppedAggregator(consumer.storage)
    await stepped.turns()
    consumer.clock.advance(consumer_ahead_s)
    for hours in (-30, -2, -1, 0, 1):
        await consumer.send(an_envelope(of_hour(hours)))
        await consumer.due_turn()
    assert await stepped.take_built() == [HOUR + hours for hours in (-30, -2, -1, 0, 1)]
