"""How the consumer extends the leases of what it holds."""

import math

import pytest

from telemetry.domain.store.objects import MAX_BATCH
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.builders import NOW, a_record, an_envelope
from tests.unit.store.stepped import AT_ONCE, TERMS, SteppedConsumer


async def test_leases_are_extended_once_half_of_their_time_is_over_and_not_before():
    stepped = SteppedConsumer(BatchLimits(count=100, size=MAX_BATCH, age_s=1e9))
    await stepped.send(an_envelope(a_record()), an_envelope(a_record(can_id="0x2")))
    await stepped.turn()
    stepped.clock.advance(14.999)
    await stepped.consumer.renew()
    assert stepped.queue.extensions == []
    stepped.clock.advance(0.001)
    await stepped.consumer.renew()
    await stepped.consumer.renew()
    assert stepped.queue.extensions == [(2, 30.0)]
    stepped.clock.advance(15)
    await stepped.consumer.renew()
    assert len(stepped.queue.extensions) == 2


async def test_the_half_time_is_that_of_the_oldest_though_others_keep_coming():
    stepped = SteppedConsumer(BatchLimits(count=100, size=MAX_BATCH, age_s=1e9))
    for number in range(16):
        await stepped.send(an_envelope(a_record(timestamp_ms=NOW + number)))
        await stepped.turn()
        await stepped.consumer.renew()
        stepped.clock.advance(1)
    assert stepped.queue.extensions == [(16, 30.0)]


async def test_a_batch_that_is_renewed_is_nobody_elses_however_long_it_is_held():
    stepped = SteppedConsumer(BatchLimits(count=100, size=MAX_BATCH, age_s=300.0))
    await stepped.send(an_envelope(a_record()))
    await stepped.turn()
    for _ in range(19):
        stepped.clock.advance(15)
        await stepped.consumer.renew()
        assert await stepped.queue.receive(10, 0) == []
    stepped.clock.advance(15)
    stored = await stepped.due_turn()
    assert (stored.records, stored.undeleted) == (1, 0)


async def test_nothing_is_extended_where_nothing_is_held():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(an_envelope(a_record()))
    await stepped.turn()
    stepped.clock.advance(100)
    await stepped.consumer.renew()
    assert stepped.queue.extensions == []


async def test_a_renewal_that_failed_is_tried_again():
    stepped = SteppedConsumer(BatchLimits(count=100, size=MAX_BATCH, age_s=1e9))
    await stepped.send(an_envelope(a_record()))
    await stepped.turn()
    stepped.clock.advance(15)
    stepped.queue.failing = {"extend"}
    with pytest.raises(QueueUnavailableError):
        await stepped.consumer.renew()
    stepped.queue.failing = ()
    await stepped.consumer.renew()
    assert stepped.queue.extensions == [(1, 30.0)]


async def test_the_next_batch_has_a_half_time_of_its_own():
    stepped = SteppedConsumer()
    await stepped.send(an_envelope(a_record()))
    await stepped.turn()
    stepped.clock.advance(14)
    await stepped.due_turn()
    await stepped.send(an_envelope(a_record()))
    await stepped.turn()
    stepped.clock.advance(2)
    await stepped.consumer.renew()
    assert stepped.queue.extensions == []


async def kill_during_a_fault(stepped: SteppedConsumer, times: int) -> None:
    """Kill consumers, one after another, each after the store refused what it held."""
    for _ in range(times):
        stepped.restart()
        with pytest.raises(StoreUnavailableError):
            await stepped.turn()
        stepped.clock.advance(31)


async def test_what_the_store_refused_is_no_dead_letter_however_often_its_consumer_is_killed():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(an_envelope(a_record()))
    stepped.storage.puts_left = 0
    await kill_during_a_fault(stepped, 3 * TERMS.max_receives)
    stepped.storage.puts_left = math.inf
    stepped.restart()
    assert await stepped.turn()
    assert await stepped.queue.depth() == Depth(0, 0, 0)


async def test_a_queue_that_is_away_as_well_leaves_the_fault_of_the_store_as_the_reason():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(an_envelope(a_record()))
    stepped.storage.puts_left = 0
    stepped.queue.failing = {"acquit"}
    await kill_during_a_fault(stepped, 1)
    assert stepped.queue.failures == 1
