"""Notes: which hours need one, what their keys say, and when a consumer leaves them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_of, hour_path
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.store import notes
from telemetry.domain.store.storage import StoreUnavailableError
from tests.builders import FIRST_MS, HOUR, LAST_MS, NOW, a_record, an_envelope, some_records
from tests.unit.store.stepped import AT_ONCE, SteppedConsumer

MINUTE_MS = 60_000
OLD = a_record(timestamp_ms=NOW - 26 * HOUR_MS)


@given(
    consumer_ms=st.integers(NOW, NOW + 24 * HOUR_MS),
    ahead_ms=st.integers(-30 * MINUTE_MS, HOUR_MS),
    hours=st.integers(-4, 4),
)
def test_an_hour_that_is_not_noted_is_watched_by_an_aggregator_whose_clock_is_up_to_an_hour_ahead_or_half_behind(
    consumer_ms, ahead_ms, hours
):
    hour = Hour(hour_of(consumer_ms) + hours)
    aggregator_ms = consumer_ms + ahead_ms
    assert notes.is_far(hour, consumer_ms) or hour in notes.watched(aggregator_ms, aggregator_ms)


def test_an_aggregator_watches_all_hours_since_its_last_look():
    watched = notes.watched(NOW - 5 * HOUR_MS, NOW)
    assert set(notes.watched(NOW - 5 * HOUR_MS, NOW - 5 * HOUR_MS)) | set(notes.watched(NOW, NOW)) <= set(
        watched
    )


@pytest.mark.parametrize(
    ("hours", "is_far"), [(-26, True), (-2, True), (-1, False), (0, False), (1, False), (2, True)]
)
def test_an_hour_is_far_once_it_has_been_over_for_an_hour_or_if_it_begins_in_more_than_half_of_one(
    hours, is_far
):
    assert notes.is_far(Hour(HOUR + hours), NOW) == is_far


@given(st.lists(st.integers(hour_of(FIRST_MS), hour_of(LAST_MS)).map(Hour), min_size=1, max_size=12))
def test_the_key_of_a_note_names_its_hours_and_is_the_name_of_a_file(hours):
    key = notes.note_key(hours, b"content", NOW)
    assert notes.hours_of(key) == hours
    assert len(key.removeprefix(notes.NOTES)) < 255 - len("..") - 32  # a temporary name is longer by a UUID


@pytest.mark.parametrize(
    "key", ["notes/theirs.txt", "notes/note-1-0-20251319T14Z.txt", "raw/note-1-0-20251019T14Z.txt"]
)
def test_what_is_no_note_is_refused(key):
    with pytest.raises(ValueError, match=r"note|time data"):
        notes.hours_of(key)


def test_objects_of_far_hours_are_noted_an_hour_once_and_a_few_hours_a_note():
    keys = [
        f"{tree}{hour_path(Hour(HOUR - n))}/batch-1-0.jsonl"
        for n in range(40)
        for tree in ("raw/", "skewed/")
    ]
    made = dict(notes.of([*keys, "quarantine/year=2025/month=01/day=01/hour=00/x.jsonl"], NOW))
    named = [hour for key in made for hour in notes.hours_of(key)]
    assert named == [HOUR - n for n in range(39, 1, -1)]
    assert sorted(line for content in made.values() for line in content.decode().splitlines()) == sorted(
        key for key in keys if f"{hour_path(HOUR)}/" not in key and f"{hour_path(Hour(HOUR - 1))}/" not in key
    )


async def test_a_consumer_notes_what_it_stores_late_and_nothing_else():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(an_envelope(*some_records(3)))
    await stepped.due_turn()
    assert await stepped.keys(notes.NOTES) == []
    await stepped.send(an_envelope(OLD), an_envelope(a_record()), an_envelope(a_record(timestamp_ms=0)))
    await stepped.due_turn()
    (note,) = await stepped.keys(notes.NOTES)
    assert notes.hours_of(note) == [HOUR - 26]
    (key,) = await stepped.keys(f"raw/{hour_path(Hour(HOUR - 26))}")
    assert await stepped.storage.get(note) == f"{key}\n".encode()


async def test_what_could_not_be_stored_for_hours_is_late_by_then_and_noted():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(an_envelope(a_record()))
    stepped.storage.puts_left = 0
    with pytest.raises(StoreUnavailableError):
        await stepped.turn()
    stepped.clock.advance(5 * 3600)
    stepped.storage.puts_left = 10
    await stepped.due_turn()
    (note,) = await stepped.keys(notes.NOTES)
    assert notes.hours_of(note) == [HOUR]


@pytest.mark.parametrize("puts", [0, 1, 2])
async def test_a_consumer_killed_at_any_put_leaves_no_deleted_message_without_its_note(puts):
    stepped = SteppedConsumer(AT_ONCE, policy=PartitionPolicy())
    await stepped.send(an_envelope(OLD))
    stepped.storage.puts_left = puts
    if puts < 2:
        with pytest.raises(StoreUnavailableError):
            await stepped.turn()
        assert (await stepped.depth())[:2] == (0, 1)
        stepped.restart()
        stepped.clock.advance(30)
        stepped.storage.puts_left = 10
    await stepped.due_turn()
    assert await stepped.depth() == (0, 0, 0)
    noted = [
        line
        for key in await stepped.keys(notes.NOTES)
        for line in (await stepped.storage.get(key)).decode().split()
    ]
    assert noted
    assert set(noted) <= set(await stepped.keys("raw/"))


async def test_two_flushes_of_one_hour_have_a_note_each():
    stepped = SteppedConsumer(AT_ONCE)
    for can_id in ("0x1", "0x2"):
        await stepped.send(an_envelope(a_record(can_id=can_id, timestamp_ms=OLD.timestamp_ms)))
        await stepped.due_turn()
    assert len(await stepped.keys(notes.NOTES)) == 2
