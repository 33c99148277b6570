"""When a batch of the consumer is due, and what it waits for until then."""

import pytest

from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.transport.batch import BatchLimits
from tests.builders import NOW, a_body, a_record, an_envelope, some_records, stored_records
from tests.unit.store.stepped import SteppedConsumer


async def test_an_idle_turn_stores_nothing():
    stepped = SteppedConsumer()
    assert await stepped.turn() is None
    assert await stepped.keys() == []


async def test_a_batch_is_stored_at_its_age_and_not_a_millisecond_before():
    stepped = SteppedConsumer()
    await stepped.send(an_envelope(a_record()))
    assert await stepped.turn() is None
    stepped.clock.advance(1.999)
    assert await stepped.turn() is None
    assert await stepped.keys() == []
    stepped.clock.advance(0.001)
    assert (await stepped.due_turn()).records == 1
    assert await stored_records(stepped.storage) == [a_record()]
    assert await stepped.depth() == (0, 0, 0)


async def test_the_age_is_that_of_the_oldest_message_though_others_keep_coming():
    stepped = SteppedConsumer()
    stored = None
    for number in range(4):
        await stepped.send(an_envelope(a_record(timestamp_ms=NOW + number)))
        stored = await stepped.turn()
        assert (stored is not None) == (number == 3)
        stepped.clock.advance(0.7)
    assert stored
    assert stored.records == 3  # the fourth came too late to be received in this turn
    assert await stepped.depth() == (1, 0, 0)


async def test_a_batch_is_stored_at_its_count_of_records_and_not_one_before():
    stepped = SteppedConsumer()
    await stepped.send(an_envelope(*some_records(60)))
    assert await stepped.turn() is None
    await stepped.send(an_envelope(*some_records(39, NOW + 60_000)))
    assert await stepped.turn() is None
    await stepped.send(an_envelope(*some_records(1, NOW + 120_000)))
    assert (await stepped.due_turn()).records == 100


async def test_a_batch_is_stored_at_its_size():
    stepped = SteppedConsumer(BatchLimits(count=1_000_000, size=1000, age_s=1e9))
    await stepped.send(an_envelope(*some_records(4)))
    assert await stepped.turn() is None
    await stepped.send(an_envelope(*some_records(4)))
    assert (await stepped.due_turn()).records == 8


async def test_one_flush_takes_all_that_has_arrived():
    stepped = SteppedConsumer()
    await stepped.send(*(a_body(timestamp="2025-10-19T14:30:00Z", vehicle_id=f"v{n}") for n in range(1000)))
    stored = await stepped.due_turn()
    assert (stored.messages, stored.records, stored.objects) == (1000, 1000, 1)


async def test_a_turn_waits_no_longer_than_it_may_nor_than_until_the_oldest_is_due():
    stepped = SteppedConsumer()
    await stepped.turn(0.5)
    await stepped.send(an_envelope(a_record()))
    await stepped.turn(0.5)
    stepped.clock.advance(1.75)
    await stepped.turn(0.5)
    assert stepped.queue.waits == [0.5, 0.5, 0.25]


async def test_only_the_first_message_is_waited_for():
    stepped = SteppedConsumer()
    await stepped.send(*(an_envelope(a_record(timestamp_ms=NOW + n)) for n in range(20)))
    await stepped.turn(0.5)
    assert stepped.queue.waits == [0.5, 0.0]


async def test_what_comes_again_is_stored_at_once_and_what_came_first_goes_with_it():
    stepped = SteppedConsumer()
    await stepped.send(an_envelope(a_record()))
    await stepped.turn()
    stepped.restart()  # the first consumer died, and its lease ends
    stepped.clock.advance(30)
    await stepped.send(an_envelope(a_record(vehicle_id="another")))
    stored = await stepped.due_turn()
    assert (stored.messages, stored.redelivered) == (2, 1)
    await stepped.send(an_envelope(a_record(vehicle_id="a-third")))
    assert await stepped.turn() is None  # for which there is no hurry


async def test_a_batch_says_why_it_went():
    stepped = SteppedConsumer()
    await stepped.send(an_envelope(*some_records(100)))
    assert (await stepped.due_turn()).reason == "full"
    await stepped.send(an_envelope(a_record()))
    await stepped.turn()
    assert stepped.consumer.in_flight == 1
    stepped.clock.advance(2)
    assert (await stepped.due_turn()).reason == "age"
    assert stepped.consumer.in_flight == 0
    await stepped.send(an_envelope(a_record(vehicle_id="again")))
    await stepped.turn()
    stepped.restart()
    stepped.clock.advance(30)
    assert (await stepped.due_turn()).reason == "again"


async def test_what_the_store_had_refused_and_what_was_left_at_the_end_say_so():
    stepped = SteppedConsumer()
    stepped.storage.broken = "hour=14"
    await stepped.send(an_envelope(*some_records(100)))
    with pytest.raises(StoreUnavailableError):
        await stepped.turn()
    stepped.storage.broken = "nothing"
    stepped.clock.advance(10)
    assert (await stepped.due_turn()).reason == "retry"
    await stepped.send(an_envelope(a_record(vehicle_id="last")))
    await stepped.turn()
    last = stepped.consumer.due(at_end=True)
    assert last
    assert last.reason == "end"
