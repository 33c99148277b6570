"""What every queue says of the hours of its messages, in the words of `telemetry.domain.transport.queue`."""

from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.outlook import Unplaced
from tests.builders import HOUR, NOW, POLICY, a_body, a_record, an_envelope
from tests.contract.timed import lease

OF_THIS_HOUR = an_envelope(a_record())
OF_THE_NEXT = an_envelope(a_record(timestamp_ms=NOW + HOUR_MS, received_ms=NOW + HOUR_MS))


async def test_an_empty_queue_holds_messages_of_no_hour(exact):
    found = await exact.queue.outlook()
    assert (found.hours, found.unplaced, found.basis) == ({}, [], "hours")


async def test_messages_are_counted_by_the_hour_of_their_records_whatever_they_wait_for(exact):
    await exact.make_dead(OF_THIS_HOUR)
    await exact.queue.send([OF_THE_NEXT, OF_THIS_HOUR, OF_THIS_HOUR])
    await exact.queue.receive(2, 0)
    found = await exact.queue.outlook()
    assert found.hours == {
        HOUR: Depth(ready=1, leased=1, dead=1),
        HOUR + 1: Depth(ready=0, leased=1, dead=0),
    }
    assert found.unplaced == []


async def test_skewed_records_are_of_the_hour_of_their_receipt(exact):
    await exact.queue.send([an_envelope(a_record(timestamp_ms=0))])
    assert (await exact.queue.outlook()).hours == {HOUR: Depth(ready=1, leased=0, dead=0)}


async def test_messages_that_name_no_hour_are_known_by_the_time_of_their_sending(exact):
    await exact.queue.send([a_body(), b"neither"])
    await exact.let_pass(1)
    await exact.queue.send([OF_THIS_HOUR[:40]])
    later_ms = exact.clock.wall_ms()
    assert (await exact.queue.outlook()).unplaced == [Unplaced(Depth(3, 0, 0), NOW, later_ms)]


async def test_messages_without_an_hour_are_grouped_by_the_hour_of_their_sending(exact):
    await exact.queue.send([b"neither"])
    for _ in range(120):
        await exact.let_pass(1)
    await exact.queue.send([b"nor"])
    later_ms = exact.clock.wall_ms()
    assert (await exact.queue.outlook()).unplaced == [
        Unplaced(Depth(1, 0, 0), NOW, NOW),
        Unplaced(Depth(1, 0, 0), later_ms, later_ms),
    ]


async def test_what_was_deleted_is_not_in_the_outlook_any_more(exact):
    await exact.queue.send([OF_THIS_HOUR, OF_THE_NEXT])
    await exact.queue.outlook()
    await exact.queue.delete([(await lease(exact.queue)).handle])
    assert (await exact.queue.outlook()).hours == {HOUR + 1: Depth(ready=1, leased=0, dead=0)}


async def test_a_redriven_message_is_of_the_hour_that_it_was_of(exact):
    (letter,) = await exact.make_dead(OF_THIS_HOUR)
    assert (await exact.queue.outlook()).hours == {HOUR: Depth(ready=0, leased=0, dead=1)}
    await exact.queue.redrive([letter.handle])
    assert (await exact.queue.outlook()).hours == {HOUR: Depth(ready=1, leased=0, dead=0)}


async def test_whatever_a_queue_can_see_of_its_messages_one_that_was_sent_may_be_there(every):
    await every.queue.send([OF_THIS_HOUR])
    sent_ms = every.clock.wall_ms()
    found = await every.queue.outlook()
    assert HOUR in found.hours or found.unplaced_in(HOUR, sent_ms, POLICY)
    await lease(every.queue)
    found = await every.queue.outlook()
    assert HOUR in found.hours or found.unplaced_in(HOUR, sent_ms, POLICY)


async def test_whatever_a_queue_can_see_of_its_messages_one_that_is_dead_may_be_there(every):
    await every.make_dead(OF_THIS_HOUR)
    found = await every.queue.outlook()
    assert HOUR in found.hours or found.unplaced_in(HOUR, every.clock.wall_ms(), POLICY)
