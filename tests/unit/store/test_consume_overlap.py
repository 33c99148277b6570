"""What goes on side by side in a consumer, and what has to wait."""

import pytest

from telemetry.domain.store import consume, held_back
from telemetry.domain.store.objects import MAX_BATCH
from telemetry.domain.transport.batch import BatchLimits
from tests.builders import NOW, a_record, an_envelope
from tests.unit.store.stepped import AT_ONCE, SteppedConsumer


async def test_while_a_flush_is_under_way_the_next_batch_grows_until_it_has_ended():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(an_envelope(a_record()))
    first = await stepped.written_flush()
    for number in range(3):
        await stepped.send(an_envelope(a_record(timestamp_ms=NOW + number)))
        await stepped.consumer.receive(0.0)
        assert stepped.consumer.due() is None
    assert await stepped.depth() == (0, 4, 0)
    await stepped.consumer.settle(first)
    assert (await stepped.due_turn()).records == 3


async def test_what_comes_again_waits_for_the_flush_that_is_under_way_but_not_for_its_age():
    stepped = SteppedConsumer()
    await stepped.send(an_envelope(a_record()))
    await stepped.consumer.receive(0.0)
    stepped.restart()
    stepped.clock.advance(30)
    await stepped.send(an_envelope(a_record(can_id="0x2")))
    first = await stepped.written_flush()
    await stepped.consumer.settle(first)
    assert stepped.consumer.due() is None


async def test_a_batch_that_is_full_or_old_goes_beside_the_flush_that_is_under_way():
    stepped = SteppedConsumer(BatchLimits(count=1, size=MAX_BATCH, age_s=2.0))
    await stepped.send(an_envelope(a_record()))
    await stepped.written_flush()
    await stepped.send(an_envelope(a_record(can_id="0x2")))
    await stepped.consumer.receive(0.0)
    stepped.clock.advance(1.999)
    assert stepped.consumer.due() is None
    stepped.clock.advance(0.001)
    assert stepped.consumer.due()
    large = a_record(can_id="0x3", payload={f"signal_{n}": 1.5 for n in range(60)})
    lines = [an_envelope(*([large] * 1500)) for _ in range(4)]
    await stepped.send(*lines)
    await stepped.consumer.receive(0.0)
    assert not stepped.consumer.may_receive
    assert stepped.consumer.due()


async def test_no_more_flushes_are_under_way_than_may_be_and_then_nobody_waits_for_the_next_to_be_due():
    stepped = SteppedConsumer(AT_ONCE)
    for number in range(consume.MOST_UNDER_WAY + 1):
        await stepped.send(an_envelope(a_record(timestamp_ms=NOW + number)))
        await stepped.consumer.receive(0.0)
        stepped.clock.advance(2)
        assert (stepped.consumer.due() is None) == (number == consume.MOST_UNDER_WAY)
    assert stepped.consumer.due(at_end=True) is None
    await stepped.consumer.receive(0.5)
    assert stepped.queue.waits[-1] == 0.5


async def test_flushes_may_end_in_another_order_than_they_began():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(an_envelope(a_record()))
    first = await stepped.written_flush()
    await stepped.send(an_envelope(a_record(can_id="0x2")), an_envelope(a_record(can_id="0x3")))
    await stepped.consumer.receive(0.0)
    stepped.clock.advance(2)
    second = await stepped.written_flush(receive=False)
    stored = [await stepped.consumer.settle(flush) for flush in (second, first)]
    assert [each and each.records for each in stored] == [2, 1]
    assert await stepped.depth() == (0, 0, 0)


async def test_what_is_durable_is_deleted_though_an_object_beside_it_is_not():
    stepped = SteppedConsumer(AT_ONCE)
    stepped.storage.broken = "hour=13"
    await stepped.send(an_envelope(a_record()), an_envelope(a_record(timestamp_ms=NOW - 3_600_000)))
    flush = await stepped.written_flush()
    stored = await stepped.consumer.settle(flush)
    assert stored
    assert (stored.records, stored.messages, stored.objects) == (1, 1, 1)
    assert await stepped.depth() == (0, 1, 0)
    assert stepped.consumer.held_back == 1


async def test_what_is_held_back_is_extended_and_never_deleted_and_said_not_to_be_at_fault():
    stepped = SteppedConsumer(AT_ONCE)
    stepped.storage.broken = "hour=14"
    for number in range(3):
        await stepped.send(an_envelope(a_record(timestamp_ms=NOW + number)))
        await stepped.consumer.receive(0.0)
        if flush := stepped.consumer.due():
            for new in flush.objects:
                await stepped.consumer.write(flush, new)
            assert await stepped.consumer.settle(flush) is None
        stepped.clock.advance(15)
        await stepped.consumer.renew()
    assert stepped.queue.extensions == [(1, 30.0), (2, 30.0), (3, 30.0)]
    assert await stepped.depth() == (0, 3, 0)
    stepped.queue.failing = {"acquit"}
    flush = await stepped.written_flush()
    assert await stepped.consumer.settle(flush) is None  # though nobody can be told whose fault it is


async def test_of_a_folder_that_takes_nothing_one_object_is_tried_and_all_follow_it():
    stepped = SteppedConsumer(AT_ONCE)
    stepped.storage.broken = "hour=14"
    for number in range(4):
        await stepped.send(an_envelope(a_record(timestamp_ms=NOW + number)))
        await stepped.consumer.receive(0.0)
        flush = stepped.consumer.due()
        if number == 0:
            assert flush
            await stepped.consumer.write(flush, flush.objects[0])
            await stepped.consumer.settle(flush)
        else:
            assert flush is None
    assert stepped.consumer.held_back == 4
    stepped.storage.broken = "nothing"
    stepped.clock.advance(0.5)
    assert (await stepped.due_turn()).objects == 1
    assert (await stepped.due_turn()).objects == 3
    assert stepped.consumer.held_back == 0
    assert await stepped.depth() == (0, 0, 0)


async def test_an_object_whose_name_other_bytes_have_gets_another_name():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(an_envelope(a_record()))
    await stepped.consumer.receive(0.0)
    flush = stepped.consumer.due()
    assert flush
    (new,) = flush.objects
    await stepped.storage.put(new.key, b"torn")
    stepped.clock.advance(1)
    await stepped.consumer.write(flush, new)
    assert await stepped.consumer.settle(flush) is None
    stepped.clock.advance(1)
    assert (await stepped.due_turn()).records == 1
    assert await stepped.storage.get(new.key) == b"torn"
    assert len(await stepped.keys("raw/")) == 2


async def test_what_cannot_be_noted_is_not_deleted_and_what_needs_no_note_is():
    stepped = SteppedConsumer(AT_ONCE)
    stepped.storage.broken = "notes/"
    await stepped.send(an_envelope(a_record()), an_envelope(a_record(timestamp_ms=NOW - 5 * 3_600_000)))
    stored = await stepped.consumer.settle(await stepped.written_flush())
    assert stored
    assert (stored.records, stepped.consumer.held_back) == (1, 1)
    stepped.storage.broken = "nothing"
    stepped.clock.advance(1)
    assert (await stepped.due_turn()).records == 1
    assert len(await stepped.keys("raw/")) == 2
    assert len(await stepped.keys("notes/")) == 1


async def test_nothing_more_is_received_while_too_much_is_held_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(held_back, "_MOST_MESSAGES", 2)
    stepped = SteppedConsumer(AT_ONCE)
    stepped.storage.broken = "hour=14"
    await stepped.send(an_envelope(a_record()), an_envelope(a_record(can_id="0x2")))
    await stepped.consumer.settle(await stepped.written_flush())
    assert not stepped.consumer.may_receive
    stepped.storage.broken = "nothing"
    stepped.clock.advance(1)
    await stepped.due_turn()
    assert stepped.consumer.may_receive
