"""Durable first, deleted second: what the consumer does when the queue, the store or its process fails."""

import pytest

from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.builders import HOUR, NOW, a_record, an_envelope, some_records, stored_records
from tests.unit.store.stepped import AT_ONCE, LONGEST_PAUSE_S, SteppedConsumer


async def test_nothing_is_deleted_while_the_store_fails():
    stepped = SteppedConsumer(AT_ONCE)
    stepped.storage.puts_left = 0
    await stepped.send(an_envelope(a_record()))
    for _ in range(3):
        with pytest.raises(StoreUnavailableError, match="No space"):
            await stepped.turn()
        stepped.clock.advance(LONGEST_PAUSE_S)
    assert await stepped.depth() == (0, 1, 0)
    assert await stepped.keys() == []


async def test_what_could_not_be_written_is_tried_again_under_the_same_names_and_nothing_is_stored_twice():
    stepped = SteppedConsumer(AT_ONCE)
    sent = [a_record(timestamp_ms=NOW - hours * HOUR_MS) for hours in range(4)]
    await stepped.send(*(an_envelope(record) for record in sent), b"garbage")
    for written in (1, 2, 3, 4):
        stepped.storage.puts_left = 1
        with pytest.raises(StoreUnavailableError, match="No space"):
            await stepped.turn()
        assert len(await stepped.keys("raw/")) + len(await stepped.keys("quarantine/")) == written
        stepped.clock.advance(LONGEST_PAUSE_S)
    stepped.storage.puts_left = 100
    await stepped.due_turn()
    keys = await stepped.keys("raw/") + await stepped.keys("quarantine/")
    moments = {key.split("-")[1] for key in keys}
    assert moments == {str(NOW)}
    assert len(keys) == 5
    assert sorted(record.timestamp_ms for record in await stored_records(stepped.storage)) == sorted(
        record.timestamp_ms for record in sent
    )
    assert await stepped.depth() == (0, 0, 0)


async def test_what_the_queue_would_not_delete_is_deleted_when_it_is_asked_again():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(an_envelope(a_record()))
    flush = await stepped.written_flush()
    stepped.queue.failing = {"delete"}
    for _ in range(2):
        with pytest.raises(QueueUnavailableError, match="delete fails"):
            await stepped.consumer.settle(flush)
    assert await stepped.depth() == (0, 1, 0)
    stepped.queue.failing = ()
    stored = await stepped.consumer.settle(flush)
    assert stored
    assert (stored.records, stored.undeleted) == (1, 0)
    assert await stepped.depth() == (0, 0, 0)
    assert len(await stored_records(stepped.storage)) == 1


async def test_a_lease_that_ended_before_its_message_was_stored_is_counted_and_the_message_comes_again():
    stepped = SteppedConsumer()
    await stepped.send(an_envelope(a_record()))
    await stepped.turn()
    stepped.clock.advance(30)
    stored = await stepped.due_turn()
    assert (stored.messages, stored.undeleted, stored.redelivered) == (1, 1, 0)
    stored = await stepped.due_turn()
    assert (stored.messages, stored.undeleted, stored.redelivered) == (1, 0, 1)
    assert await stepped.depth() == (0, 0, 0)


async def test_a_queue_that_cannot_be_received_from_is_an_error_and_the_batch_stays():
    stepped = SteppedConsumer()
    await stepped.send(an_envelope(a_record()))
    await stepped.turn()
    stepped.queue.failing = {"receive"}
    with pytest.raises(QueueUnavailableError, match="receive fails"):
        await stepped.turn()
    stepped.clock.advance(2)
    assert await stepped.written_flush(receive=False)  # storing needs no receiving


class Killed(BaseException):
    """The end of a process, at a moment of the test's choice."""


async def test_a_crash_between_write_and_delete_stores_twice_and_counts_once():
    stepped = SteppedConsumer(AT_ONCE)
    sent = some_records(10)
    await stepped.send(an_envelope(*sent))
    stepped.queue.failing, stepped.queue.failure = {"delete"}, Killed()
    with pytest.raises(Killed):
        await stepped.turn()
    stepped.queue.failing = ()
    stepped.restart()
    assert await stepped.turn() is None  # the dead one's lease has not ended
    stepped.clock.advance(30)
    stored = await stepped.due_turn()
    assert (stored.records, stored.redelivered, stored.undeleted) == (10, 1, 0)
    assert len(await stored_records(stepped.storage)) == 20
    built = await Aggregator(stepped.storage).build(HOUR)
    assert built
    figures = built.aggregated
    assert (figures.records, figures.unique, figures.duplicates) == (20, 10, 10)
    assert figures.vehicles["veh-00123"].count == 10
