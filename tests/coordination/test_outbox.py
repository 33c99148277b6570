"""POSTs that come close together share queue messages; each is answered once its own lines are durable."""

import asyncio
import time

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.coordination.outbox import LingeringOutbox
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.transport import envelope
from telemetry.domain.transport.parcel import Parcel
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.builders import NOW, POLICY, a_parcel, some_records
from tests.fakes import FailingQueue
from tests.waiting import settle, until

CLOCK = SystemClock()


def parcel(vehicle_id: str, hours: int = 0, count: int = 1) -> Parcel:
    return a_parcel(*some_records(count, NOW + hours * HOUR_MS, vehicle_id=vehicle_id))


def outbox_to(queue: FailingQueue, linger_s: float = 0.0, max_waiting: int = 10**9) -> LingeringOutbox:
    return LingeringOutbox(queue, CLOCK, linger_s, max_waiting)


def filling(outbox: LingeringOutbox) -> list[Parcel]:
    """Make parcels that are more than one message holds."""
    return [
        parcel(f"v{n}", count=1000)
        for n in range(outbox.max_parcel_size // parcel("v0", count=1000).size + 1)
    ]


async def test_posts_that_come_together_share_a_queue_message_and_none_is_lost():
    queue = FailingQueue(CLOCK)
    outbox = outbox_to(queue)
    await asyncio.gather(*(outbox.send([parcel(f"v{n}")]) for n in range(50)))
    (delivery,) = await queue.receive(10, 0)
    assert envelope.decode(delivery.body, 0, POLICY).count == 50


async def test_parcels_of_different_partitions_go_apart_in_one_send():
    queue = FailingQueue(CLOCK)
    await outbox_to(queue).send([parcel("v", hours=0), parcel("v", hours=1)])
    assert queue.sends == [2]


async def test_nobody_is_answered_before_the_queue_has_answered():
    queue = FailingQueue(CLOCK)
    queue.gate.clear()
    outbox = outbox_to(queue)
    posts = [asyncio.create_task(outbox.send([parcel(f"v{n}")])) for n in range(3)]
    await until(lambda: queue.sends)
    await settle()
    assert not any(post.done() for post in posts)
    queue.gate.set()
    await asyncio.gather(*posts)


async def test_what_arrives_while_a_send_is_under_way_goes_together_in_the_next():
    queue = FailingQueue(CLOCK)
    queue.gate.clear()
    outbox = outbox_to(queue)
    posts = [asyncio.create_task(outbox.send([parcel("first")]))]
    await until(lambda: queue.sends)
    posts += [asyncio.create_task(outbox.send([parcel(f"v{n}")])) for n in range(10)]
    await settle()
    queue.gate.set()
    await asyncio.gather(*posts)
    assert queue.sends == [1, 1]


async def test_a_full_batch_goes_at_once_however_long_the_linger():
    queue = FailingQueue(CLOCK)
    outbox = outbox_to(queue, linger_s=3600)
    waiting = asyncio.create_task(outbox.send([parcel("early")]))
    await settle()
    assert queue.sends == []
    await outbox.send(filling(outbox))
    await waiting


async def test_a_parcel_of_a_batch_too_large_for_one_message_goes_in_several():
    queue = FailingQueue(CLOCK)
    outbox = outbox_to(queue)
    many = [
        parcel(f"v{n}", count=1000)
        for n in range(2 * outbox.max_parcel_size // parcel("v0", count=1000).size)
    ]
    await outbox.send(many)
    bodies = [delivery.body for delivery in await queue.receive(100, 0)]
    assert len(bodies) > 1
    assert sum(envelope.decode(body, 0, POLICY).count for body in bodies) == 1000 * len(many)
    assert all(len(body) <= queue.max_body for body in bodies)


@pytest.mark.parametrize("failure", [QueueUnavailableError("away"), ZeroDivisionError("a bug")])
async def test_when_the_queue_fails_all_who_wait_get_its_error_and_the_next_are_served(failure: Exception):
    queue = FailingQueue(CLOCK)
    queue.failing, queue.failure = {"send"}, failure
    outbox = outbox_to(queue)
    outcomes = await asyncio.gather(
        *(outbox.send([parcel(f"v{n}")]) for n in range(3)), return_exceptions=True
    )
    assert outcomes == [failure] * 3
    queue.failing = ()
    await outbox.send([parcel("later")])


async def test_a_message_that_fails_fails_only_the_posts_in_it():
    queue = FailingQueue(CLOCK)
    queue.refused = [1]
    outbox = outbox_to(queue)
    good, bad, both = await asyncio.gather(
        outbox.send([parcel("a", hours=0)]),
        outbox.send([parcel("b", hours=1)]),
        outbox.send([parcel("c", hours=0), parcel("c", hours=1)]),
        return_exceptions=True,
    )
    assert good is None
    assert isinstance(bad, QueueUnavailableError)
    assert isinstance(both, QueueUnavailableError)


@pytest.mark.parametrize("failing", [False, True])
async def test_a_client_that_hung_up_disturbs_nobody(*, failing: bool):
    queue = FailingQueue(CLOCK)
    queue.gate.clear()
    queue.failing = {"send"} if failing else ()
    outbox = outbox_to(queue)
    gone, stays = (asyncio.create_task(outbox.send([parcel(each)])) for each in ("gone", "stays"))
    await until(lambda: queue.sends)
    gone.cancel()
    await settle()
    queue.gate.set()
    (outcome,) = await asyncio.gather(stays, return_exceptions=True)
    assert isinstance(outcome, QueueUnavailableError) is failing
    assert gone.cancelled()


async def test_what_would_wait_beyond_the_bound_is_refused():
    queue = FailingQueue(CLOCK)
    one = parcel("v")
    outbox = outbox_to(queue, linger_s=3600, max_waiting=one.size)
    waiting = asyncio.create_task(outbox.send([one]))
    await settle()
    with pytest.raises(QueueUnavailableError, match="INGEST_MAX_WAITING"):
        await outbox.send([parcel("w")])
    waiting.cancel()
    assert outbox._driver
    outbox._driver.cancel()
    await settle()


async def test_when_a_receiver_stops_all_who_wait_get_an_error():
    queue = FailingQueue(CLOCK)
    queue.gate.clear()
    outbox = outbox_to(queue)
    sending = asyncio.create_task(outbox.send([parcel("under way")]))
    await until(lambda: queue.sends)
    waiting = asyncio.create_task(outbox.send([parcel("waiting")]))
    await settle()
    assert outbox._driver
    outbox._driver.cancel()
    outcomes = await asyncio.gather(sending, waiting, return_exceptions=True)
    assert [type(each) for each in outcomes] == [QueueUnavailableError] * 2


async def test_when_a_receiver_stops_a_post_that_lingers_gets_an_error_and_the_outbox_may_go_on():
    outbox = outbox_to(FailingQueue(CLOCK), linger_s=3600)
    lingering = asyncio.create_task(outbox.send([parcel("v")]))
    await settle()
    assert outbox._driver
    outbox._driver.cancel()
    (outcome,) = await asyncio.gather(lingering, return_exceptions=True)
    assert isinstance(outcome, QueueUnavailableError)
    await outbox.send(filling(outbox))


async def test_a_failure_outside_of_the_send_is_raised_and_does_not_stop_the_outbox(
    monkeypatch: pytest.MonkeyPatch,
):
    queue = FailingQueue(CLOCK)
    outbox = outbox_to(queue)
    queue.refused = [7]  # of nothing that was sent
    with pytest.raises(IndexError):
        await outbox.send([parcel("v")])
    queue.refused = []
    with monkeypatch.context() as broken:
        broken.setattr(envelope, "encode", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await outbox.send([parcel("v")])
    async with asyncio.timeout(30):
        await outbox.send([parcel("v")])


async def test_a_send_that_fails_does_not_fail_the_posts_of_the_next():
    queue = FailingQueue(CLOCK)
    queue.gate.clear()
    queue.failing = {"send"}
    outbox = outbox_to(queue)
    first = asyncio.create_task(outbox.send([parcel("first")]))
    await until(lambda: queue.sends)
    queue.failing = ()
    second = asyncio.create_task(outbox.send([parcel("second")]))
    await settle()
    assert queue.sends == [1]  # one at a time
    queue.gate.set()
    await second
    assert isinstance(first.exception(), QueueUnavailableError)


async def test_a_post_alone_waits_for_others_as_long_as_the_linger_and_hardly_longer():
    outbox = outbox_to(FailingQueue(CLOCK), linger_s=0.05)
    waits = []
    for _ in range(3):
        started = time.monotonic()
        await outbox.send([parcel("v")])
        waits.append(time.monotonic() - started)
    assert 0.045 < min(waits) < 1


async def test_a_post_that_comes_later_does_not_make_the_first_wait_longer():
    outbox = outbox_to(FailingQueue(CLOCK), linger_s=0.1)
    posts = [asyncio.create_task(outbox.send([parcel("first")]))]
    async with asyncio.timeout(30):
        while not posts[0].done():
            posts.append(asyncio.create_task(outbox.send([parcel("later")])))
            await asyncio.sleep(0.01)
    await asyncio.gather(*posts)


async def test_a_batch_that_filled_up_during_a_send_goes_at_once_after_it_and_the_next_lingers_again():
    queue = FailingQueue(CLOCK)
    outbox = outbox_to(queue, linger_s=3600)
    full = filling(outbox)
    queue.gate.clear()
    posts = [asyncio.create_task(outbox.send(full))]
    await until(lambda: queue.sends)
    posts.append(asyncio.create_task(outbox.send(full)))
    await settle()
    queue.gate.set()
    async with asyncio.timeout(30):
        await asyncio.gather(*posts)
    assert len(queue.sends) == 2
    alone = asyncio.create_task(outbox.send([parcel("v")]))
    await settle()
    assert len(queue.sends) == 2
    await asyncio.gather(outbox.send(full), alone)
