"""POSTs that come close together share queue messages, and each is answered when its own lines are durable."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.coordination.outbox import LingeringOutbox
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.transport import envelope
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.parcel import Parcel
from telemetry.domain.transport.queue import QueueUnavailableError

CLOCK = SystemClock()
POLICY = PartitionPolicy()
HOUR = HOUR_MS * 488_000


class HeldQueue(MemoryQueue):
    """A queue whose sends wait for a gate, fail, or refuse entries, as the test wants."""

    def __init__(self) -> None:
        super().__init__(CLOCK, LeaseTerms())
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.refused: list[int] = []
        self.sends: list[int] = []

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        self.sends.append(len(bodies))
        await self.gate.wait()
        if self.failure:
            raise self.failure
        await super().send([body for index, body in enumerate(bodies) if index not in self.refused])
        return self.refused


def parcel(vehicle_id: str, hour: int = 0, count: int = 1) -> Parcel:
    start = HOUR + hour * HOUR_MS
    records = [Record(start + n, vehicle_id, "0x1", {"x": 1.0}, start + n) for n in range(count)]
    return Parcel.of(POLICY.place(records[0]), records)


def outbox_to(queue: MemoryQueue, linger: float = 0.0, max_waiting: int = 10**9) -> LingeringOutbox:
    return LingeringOutbox(queue, CLOCK, linger, max_waiting)


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_posts_that_come_together_share_a_queue_message_and_none_is_lost():
    queue = HeldQueue()
    outbox = outbox_to(queue)
    await asyncio.gather(*(outbox.send([parcel(f"v{n}")]) for n in range(50)))
    (delivery,) = await queue.receive(10, 0)
    assert envelope.decode(delivery.body, 0, POLICY).count == 50


async def test_parcels_of_different_partitions_go_apart_in_one_send():
    queue = HeldQueue()
    await outbox_to(queue).send([parcel("v", hour=0), parcel("v", hour=1)])
    assert queue.sends == [2]


async def test_nobody_is_answered_before_the_queue_has_answered():
    queue = HeldQueue()
    queue.gate.clear()
    outbox = outbox_to(queue)
    posts = [asyncio.create_task(outbox.send([parcel(f"v{n}")])) for n in range(3)]
    while not queue.sends:
        await asyncio.sleep(0)
    await settle()
    assert not any(post.done() for post in posts)
    queue.gate.set()
    await asyncio.gather(*posts)


async def test_what_arrives_while_a_send_is_under_way_goes_together_in_the_next():
    queue = HeldQueue()
    queue.gate.clear()
    outbox = outbox_to(queue)
    posts = [asyncio.create_task(outbox.send([parcel("first")]))]
    while not queue.sends:
        await asyncio.sleep(0)
    posts += [asyncio.create_task(outbox.send([parcel(f"v{n}")])) for n in range(10)]
    await settle()
    queue.gate.set()
    await asyncio.gather(*posts)
    assert queue.sends == [1, 1]


async def test_a_full_batch_goes_at_once_however_long_the_linger():
    queue = HeldQueue()
    outbox = outbox_to(queue, linger=3600)
    waiting = asyncio.create_task(outbox.send([parcel("early")]))
    await settle()
    assert queue.sends == []
    large = [
        parcel(f"v{n}", count=1000)
        for n in range(outbox.max_parcel_size // parcel("v0", count=1000).size + 1)
    ]
    await outbox.send(large)
    await waiting


async def test_a_parcel_of_a_batch_too_large_for_one_message_goes_in_several():
    queue = HeldQueue()
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
async def test_a_queue_that_fails_is_told_to_all_who_wait_and_the_next_are_served(failure: Exception):
    queue = HeldQueue()
    queue.failure = failure
    outbox = outbox_to(queue)
    told = await asyncio.gather(*(outbox.send([parcel(f"v{n}")]) for n in range(3)), return_exceptions=True)
    assert told == [failure] * 3
    queue.failure = None
    await outbox.send([parcel("later")])


async def test_an_entry_that_fails_fails_only_the_posts_in_it():
    queue = HeldQueue()
    queue.refused = [1]
    outbox = outbox_to(queue)
    good, bad, both = await asyncio.gather(
        outbox.send([parcel("a", hour=0)]),
        outbox.send([parcel("b", hour=1)]),
        outbox.send([parcel("c", hour=0), parcel("c", hour=1)]),
        return_exceptions=True,
    )
    assert good is None
    assert isinstance(bad, QueueUnavailableError)
    assert isinstance(both, QueueUnavailableError)


@pytest.mark.parametrize("failing", [False, True])
async def test_a_client_that_hung_up_disturbs_nobody(*, failing: bool):
    queue = HeldQueue()
    queue.gate.clear()
    outbox = outbox_to(queue)
    gone, stays = (asyncio.create_task(outbox.send([parcel(each)])) for each in ("gone", "stays"))
    while not queue.sends:
        await asyncio.sleep(0)
    gone.cancel()
    await settle()
    queue.failure = QueueUnavailableError("away") if failing else None
    queue.gate.set()
    (told,) = await asyncio.gather(stays, return_exceptions=True)
    assert isinstance(told, QueueUnavailableError) is failing
    assert gone.cancelled()


async def test_what_would_wait_beyond_the_bound_is_refused():
    queue = HeldQueue()
    one = parcel("v")
    outbox = outbox_to(queue, linger=3600, max_waiting=one.size)
    waiting = asyncio.create_task(outbox.send([one]))
    await settle()
    with pytest.raises(QueueUnavailableError, match="INGEST_MAX_WAITING"):
        await outbox.send([parcel("w")])
    waiting.cancel()
    assert outbox._driver
    outbox._driver.cancel()
    await settle()


async def test_a_receiver_that_stops_tells_those_who_wait():
    queue = HeldQueue()
    queue.gate.clear()
    outbox = outbox_to(queue)
    sending = asyncio.create_task(outbox.send([parcel("under way")]))
    while not queue.sends:
        await asyncio.sleep(0)
    waiting = asyncio.create_task(outbox.send([parcel("waiting")]))
    await settle()
    assert outbox._driver
    outbox._driver.cancel()
    told = await asyncio.gather(sending, waiting, return_exceptions=True)
    assert [type(each) for each in told] == [QueueUnavailableError] * 2


async def test_a_receiver_that_stops_while_a_post_lingers_tells_it_and_may_go_on():
    outbox = outbox_to(HeldQueue(), linger=3600)
    lingering = asyncio.create_task(outbox.send([parcel("v")]))
    await settle()
    assert outbox._driver
    outbox._driver.cancel()
    (told,) = await asyncio.gather(lingering, return_exceptions=True)
    assert isinstance(told, QueueUnavailableError)
    full = [
        parcel(f"v{n}", count=1000)
        for n in range(outbox.max_parcel_size // parcel("v0", count=1000).size + 1)
    ]
    await outbox.send(full)


async def test_a_failure_outside_of_the_send_is_told_and_does_not_stop_the_outbox(
    monkeypatch: pytest.MonkeyPatch,
):
    queue = HeldQueue()
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


class OnceFailingQueue(HeldQueue):
    """A queue whose first send fails."""

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        self.failure = None if self.sends else QueueUnavailableError("away")
        return await super().send(bodies)


async def test_a_send_that_fails_does_not_touch_those_who_wait_for_the_next():
    queue = OnceFailingQueue()
    queue.gate.clear()
    outbox = outbox_to(queue)
    first = asyncio.create_task(outbox.send([parcel("first")]))
    while not queue.sends:
        await asyncio.sleep(0)
    second = asyncio.create_task(outbox.send([parcel("second")]))
    await settle()
    assert queue.sends == [1]  # one at a time
    queue.gate.set()
    await second
    assert isinstance(first.exception(), QueueUnavailableError)


async def test_a_post_alone_waits_for_company_as_long_as_the_linger_and_hardly_longer():
    outbox = outbox_to(HeldQueue(), linger=0.05)
    waits = []
    for _ in range(3):
        started = time.monotonic()
        await outbox.send([parcel("v")])
        waits.append(time.monotonic() - started)
    assert 0.045 < min(waits) < 1


async def test_company_that_comes_later_does_not_make_the_first_wait_longer():
    outbox = outbox_to(HeldQueue(), linger=0.1)
    posts = [asyncio.create_task(outbox.send([parcel("first")]))]
    async with asyncio.timeout(30):
        while not posts[0].done():
            posts.append(asyncio.create_task(outbox.send([parcel("later")])))
            await asyncio.sleep(0.01)
    await asyncio.gather(*posts)


async def test_a_batch_that_filled_up_during_a_send_goes_at_once_after_it_and_the_next_lingers_again():
    queue = HeldQueue()
    outbox = outbox_to(queue, linger=3600)
    full = [
        parcel(f"v{n}", count=1000)
        for n in range(outbox.max_parcel_size // parcel("v0", count=1000).size + 1)
    ]
    queue.gate.clear()
    posts = [asyncio.create_task(outbox.send(full))]
    while not queue.sends:
        await asyncio.sleep(0)
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
