"""What every queue promises of sending and receiving, in the words of `telemetry.domain.transport.queue`."""

import asyncio
import time
from itertools import cycle

import pytest

from telemetry.domain.transport.lease import Delivery, Depth
from tests.builders import bodies_of
from tests.contract.timed import duration_of, lease, start_receive


async def test_what_was_sent_is_received_byte_by_byte(every):
    bodies = [bytes(range(256)), b"{}", "ü€".encode(), b"\0" * 10_000]
    assert list(await every.queue.send(bodies)) == []
    assert sorted(bodies_of(await every.queue.receive(10, 1))) == sorted(bodies)


async def test_a_body_may_have_as_many_bytes_as_the_queue_says(every):
    body = bytes(every.queue.max_body)
    assert list(await every.queue.send([body])) == []
    assert (await lease(every.queue)).body == body


async def test_sending_nothing_sends_nothing(exact):
    assert list(await exact.queue.send([])) == []
    assert await exact.queue.depth() == Depth(0, 0, 0)


async def test_a_message_is_there_until_it_is_deleted(every):
    await every.queue.send([b"m"])
    for _ in range(every.terms.max_receives - 1):
        assert (await lease(every.queue)).body == b"m"
        await every.let_pass(1.1)
    assert await every.queue.delete([(await lease(every.queue)).handle]) == []
    await every.let_pass(1.1)
    assert await every.queue.receive(1, 0) == []


async def test_messages_are_received_in_the_order_in_which_they_were_sent(exact):
    await exact.queue.send([b"1", b"2"])
    await exact.queue.send([b"3"])
    assert bodies_of(await exact.queue.receive(2, 0)) == [b"1", b"2"]
    assert bodies_of(await exact.queue.receive(2, 0)) == [b"3"]


async def test_a_receive_leases_up_to_its_limit(every):
    await every.queue.send([b"%d" % n for n in range(5)])
    received: list[Delivery] = []
    while deliveries := await every.queue.receive(2, 0):
        assert len(deliveries) <= 2
        received += deliveries
    assert sorted(bodies_of(received)) == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_backlog_is_received_whole_however_few_a_receive_may_bring(every):
    bodies = [b"%d" % n for n in range(40)]
    await every.queue.send(bodies)
    received: list[Delivery] = []
    for limit in cycle((1, 3, 10, 2)):
        deliveries = await every.queue.receive(limit, 5)
        received += deliveries
        await every.queue.delete([each.handle for each in deliveries])
        if len(received) >= len(bodies):
            break
    assert sorted(bodies_of(received)) == sorted(bodies)
    assert await every.queue.receive(1, 0) == []


async def test_a_delivery_says_when_its_message_was_sent(every):
    before = every.clock.wall_ms()
    await every.queue.send([b"m"])
    first = await lease(every.queue)
    await every.let_pass(1.1)
    assert first.sent_ms == (await lease(every.queue)).sent_ms
    assert abs(first.sent_ms - before) < 60_000  # it may be by another machine's clock


async def test_a_receive_without_messages_returns_none_after_its_wait(every):
    started = time.monotonic()
    assert await every.queue.receive(1, 0.1) == []
    assert 0.09 <= time.monotonic() - started < 5


async def test_a_receive_that_may_not_wait_returns_at_once(every):
    assert min([await duration_of(every.queue.receive(1, 0)) for _ in range(5)]) < 1


async def test_a_waiting_receiver_gets_a_message_as_soon_as_there_is_one(exact):
    # The best of several tries shows what the queue can do; the others show what else this machine does.
    for _ in range(20):
        waiting = await start_receive(exact.queue)
        if await duration_of(exact.queue.send([b"m"]), waiting) < 0.05:
            return
    pytest.fail("no receiver woke within 50 ms")


async def test_a_waiting_receiver_gets_a_message_that_is_handed_back(every):
    await every.queue.send([b"m"])
    delivery = await lease(every.queue)
    waiting = await start_receive(every.queue)
    await every.queue.extend([delivery.handle], 0)
    assert bodies_of(await waiting) == [b"m"]


async def test_a_waiting_receiver_gets_a_dead_letter_that_is_redriven(every):
    (letter,) = await every.make_dead(b"m")
    waiting = await start_receive(every.queue)
    await every.queue.redrive([letter.handle])
    assert bodies_of(await waiting) == [b"m"]


async def test_of_several_waiting_receivers_one_gets_the_message(every):
    waiting = [asyncio.create_task(every.queue.receive(1, 2)) for _ in range(5)]
    await every.queue.send([b"m"])
    received = await asyncio.gather(*waiting)
    assert [bodies_of(each) for each in received if each] == [[b"m"]]


@pytest.mark.parametrize("turns", range(12))
async def test_a_receive_that_is_cancelled_leases_nothing(every, turns):
    await every.queue.send([b"m"])
    receiving = asyncio.create_task(every.queue.receive(1, 5))
    for _ in range(turns):
        if not receiving.done():
            await asyncio.sleep(0.0002 * turns)
    receiving.cancel()
    await asyncio.wait([receiving])
    if receiving.cancelled():
        assert (await lease(every.queue)).receives == 1


async def test_the_oldest_message_that_is_not_dead_is_told_whether_it_is_on_lease_or_not(exact):
    assert await exact.queue.oldest_ms() is None
    await exact.make_dead(b"dead")
    assert await exact.queue.oldest_ms() is None
    sent_ms = exact.clock.wall_ms()
    await exact.queue.send([b"1"])
    await exact.let_pass(0.1)
    await exact.queue.send([b"2"])
    assert await exact.queue.oldest_ms() == sent_ms
    handle = (await lease(exact.queue)).handle
    assert await exact.queue.oldest_ms() == sent_ms
    await exact.queue.delete([handle])
    assert await exact.queue.oldest_ms() > sent_ms


async def test_a_service_that_tells_no_age_has_none(sqs_queue):
    await sqs_queue.queue.send([b"m"])
    assert await sqs_queue.queue.oldest_ms() is None
