"""Posts share queue messages, and each is answered when its own lines are durable and not before."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.queue.outbox import LingeringOutbox
from telemetry.domain import envelope
from telemetry.domain.envelope import Parcel
from telemetry.domain.lease import Terms
from telemetry.domain.message import Record
from telemetry.domain.partition import Partition, Policy
from telemetry.domain.queue import QueueUnavailableError

NOON = 1_760_875_200_000
RAW = Partition("raw", NOON // 3_600_000)
SKEWED = Partition("skewed", NOON // 3_600_000)
PLENTY = 10**9
FOR_EVER = 3600.0


class ControlledQueue(MemoryQueue):
    """A queue that sends when it is let to, and how it is told to."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), Terms())
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.begun = asyncio.Semaphore(0)
        self.sends: list[Sequence[bytes]] = []
        self.error: Exception | None = None
        self.failed: Sequence[int] = []

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        self.sends.append(bodies)
        self.begun.release()
        await self.may_send.wait()
        if self.error:
            raise self.error
        await super().send([body for index, body in enumerate(bodies) if index not in self.failed])
        return self.failed

    def sent(self) -> list[list[int]]:
        """How many lines each message of each send has."""
        return [[_open(body).count for body in bodies] for bodies in self.sends]


@pytest.fixture
def queue():
    return ControlledQueue()


@pytest.fixture
def outbox(queue):
    return LingeringOutbox(queue, SystemClock(), linger=0.01, max_waiting=PLENTY)


def _parcel(partition: Partition = RAW, vehicle: str = "veh-1", lines: int = 1) -> Parcel:
    payload = {"battery_soc": 85.5}
    return envelope.wrap(
        partition, [Record(NOON + n, vehicle, "0x1F0", payload, NOON + n) for n in range(lines)]
    )


def _open(body: bytes) -> Parcel:
    return envelope.unpack(body, NOON, Policy())


async def _begun(*posts: Coroutine[Any, Any, None]) -> "list[asyncio.Task[None]]":
    """Start posts one after the other, and let each come as far as it can."""
    tasks = []
    for post in posts:
        tasks.append(asyncio.create_task(post))
        await asyncio.sleep(0)
    return tasks


async def _until_sending(queue: ControlledQueue) -> None:
    async with asyncio.timeout(30):
        await queue.begun.acquire()


async def test_posts_that_come_close_together_share_a_queue_message(queue, outbox):
    await asyncio.gather(*(outbox.post([_parcel(lines=n)]) for n in (1, 2, 3)))
    assert queue.sent() == [[6]]
    (delivery,) = await queue.receive(1, 0)
    lines = b"".join(_parcel(lines=n).lines for n in (1, 2, 3))
    assert _open(delivery.body).lines == lines


async def test_lines_of_different_partitions_go_in_messages_of_their_own(queue, outbox):
    await asyncio.gather(outbox.post([_parcel(RAW), _parcel(SKEWED)]), outbox.post([_parcel(SKEWED)]))
    assert [[_open(body).partition for body in bodies] for bodies in queue.sends] == [[RAW, SKEWED]]
    assert queue.sent() == [[1, 2]]


async def test_nobody_is_answered_before_the_queue_has_it(queue, outbox):
    queue.may_send.clear()
    posts = await _begun(*(outbox.post([_parcel()]) for _ in range(5)))
    await _until_sending(queue)
    done, pending = await asyncio.wait(posts, timeout=0.05)
    assert (len(done), len(pending)) == (0, 5)
    queue.may_send.set()
    await asyncio.gather(*posts)


async def test_posts_that_arrive_while_a_send_is_under_way_go_together_in_the_next(queue, outbox):
    queue.may_send.clear()
    posts = await _begun(outbox.post([_parcel(lines=1)]))
    await _until_sending(queue)
    posts += await _begun(*(outbox.post([_parcel(lines=10)]) for _ in range(4)))
    queue.may_send.set()
    await asyncio.gather(*posts)
    assert queue.sent() == [[1], [40]]


async def test_there_is_one_send_at_a_time(queue, outbox):
    queue.may_send.clear()
    posts = await _begun(outbox.post([_parcel()]))
    await _until_sending(queue)
    posts += await _begun(outbox.post([_parcel()]))
    await asyncio.wait(posts, timeout=0.05)
    assert len(queue.sends) == 1
    queue.may_send.set()
    await asyncio.gather(*posts)


async def test_a_post_alone_waits_for_company_no_longer_than_the_linger(queue):
    outbox = LingeringOutbox(queue, SystemClock(), linger=0.05, max_waiting=PLENTY)
    durations = []
    for _ in range(3):
        started = time.monotonic()
        await outbox.post([_parcel()])
        durations.append(time.monotonic() - started)
    assert 0.045 < min(durations) < 1


async def test_company_that_comes_later_does_not_make_the_first_wait_longer(queue):
    outbox = LingeringOutbox(queue, SystemClock(), linger=0.1, max_waiting=PLENTY)
    first, *others = await _begun(outbox.post([_parcel()]))
    started = time.monotonic()
    while not first.done():
        assert time.monotonic() - started < 10
        others += await _begun(outbox.post([_parcel()]))
        await asyncio.sleep(0.01)
    await asyncio.gather(*others)
    assert len(queue.sends) >= 1


async def test_without_a_linger_a_post_goes_at_once(queue):
    outbox = LingeringOutbox(queue, SystemClock(), linger=0, max_waiting=PLENTY)
    async with asyncio.timeout(30):
        await outbox.post([_parcel()])
    assert queue.sent() == [[1]]


async def test_a_full_batch_goes_at_once(queue):
    outbox = LingeringOutbox(queue, SystemClock(), linger=FOR_EVER, max_waiting=PLENTY)
    first = _parcel(lines=2)
    full = _parcel(lines=outbox.room // _parcel().size)
    async with asyncio.timeout(30):
        await asyncio.gather(outbox.post([first]), outbox.post([full]))
    assert len(queue.sends) == 1


async def test_a_batch_that_filled_up_during_a_send_goes_at_once_after_it(queue):
    outbox = LingeringOutbox(queue, SystemClock(), linger=FOR_EVER, max_waiting=PLENTY)
    full = _parcel(lines=outbox.room // _parcel().size + 1)
    queue.may_send.clear()
    posts = await _begun(outbox.post([full]))
    await _until_sending(queue)
    posts += await _begun(outbox.post([full]))
    queue.may_send.set()
    async with asyncio.timeout(30):
        await asyncio.gather(*posts)
    assert len(queue.sends) == 2


async def test_a_batch_that_is_not_full_lingers_though_the_one_before_was(queue):
    outbox = LingeringOutbox(queue, SystemClock(), linger=0.05, max_waiting=PLENTY)
    await outbox.post([_parcel(lines=outbox.room // _parcel().size + 1)])
    started = time.monotonic()
    await outbox.post([_parcel()])
    assert time.monotonic() - started > 0.045


async def test_no_message_exceeds_what_the_queue_takes(queue, outbox):
    large = [_parcel(vehicle=f"veh-{n}", lines=outbox.room // 2 // _parcel().size) for n in range(5)]
    await outbox.post(large)
    assert len(queue.sends[0]) > 1
    assert all(len(body) <= queue.max_body for body in queue.sends[0])
    assert sum(queue.sent()[0]) == sum(parcel.count for parcel in large)


async def test_a_queue_that_fails_fails_everybody_who_waits_and_nobody_later(queue, outbox):
    queue.error = QueueUnavailableError("gone")
    outcomes = await asyncio.gather(*(outbox.post([_parcel()]) for _ in range(3)), return_exceptions=True)
    assert [(type(each), str(each)) for each in outcomes] == [(QueueUnavailableError, "gone")] * 3
    queue.error = None
    await outbox.post([_parcel()])


async def test_a_failure_of_one_send_does_not_touch_those_who_wait_for_the_next(queue, outbox):
    queue.may_send.clear()
    queue.error = QueueUnavailableError("gone")
    first = await _begun(outbox.post([_parcel()]))
    await _until_sending(queue)
    second = await _begun(outbox.post([_parcel()]))
    queue.may_send.set()
    await asyncio.wait(first)
    queue.error = None
    await asyncio.gather(*second)
    assert isinstance(first[0].exception(), QueueUnavailableError)


async def test_a_failed_entry_fails_only_the_posts_in_it(queue, outbox):
    queue.failed = [1]
    outcomes = await asyncio.gather(
        outbox.post([_parcel(RAW)]),
        outbox.post([_parcel(SKEWED)]),
        outbox.post([_parcel(RAW), _parcel(SKEWED)]),
        outbox.post([_parcel(RAW)]),
        return_exceptions=True,
    )
    assert [type(each) for each in outcomes] == [
        type(None),
        QueueUnavailableError,
        QueueUnavailableError,
        type(None),
    ]


async def test_a_failure_that_nobody_foresaw_is_told_and_does_not_stop_the_outbox(queue, outbox):
    queue.failed = [7]  # an index of nothing that was sent
    with pytest.raises(IndexError):
        await outbox.post([_parcel()])
    queue.failed = []
    async with asyncio.timeout(30):
        await outbox.post([_parcel()])


async def test_lines_that_cannot_be_sealed_are_told_and_do_not_stop_the_outbox(outbox, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(envelope, "bundle", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await outbox.post([_parcel()])
    async with asyncio.timeout(30):
        await outbox.post([_parcel()])


@pytest.mark.parametrize("sending", [False, True])
async def test_a_client_that_hung_up_disturbs_nobody(queue, outbox, sending):
    queue.may_send.clear()
    posts = await _begun(outbox.post([_parcel()]), outbox.post([_parcel()]), outbox.post([_parcel()]))
    if sending:
        await _until_sending(queue)
    posts[1].cancel()
    queue.may_send.set()
    outcomes = await asyncio.gather(*posts, return_exceptions=True)
    assert [type(each) for each in outcomes] == [type(None), asyncio.CancelledError, type(None)]
    assert queue.sent() == [[3]]


async def test_a_client_that_hung_up_is_told_nothing_of_a_failure(queue, outbox):
    queue.may_send.clear()
    queue.error = QueueUnavailableError("gone")
    posts = await _begun(outbox.post([_parcel()]), outbox.post([_parcel()]))
    await _until_sending(queue)
    posts[0].cancel()
    queue.may_send.set()
    outcomes = await asyncio.gather(*posts, return_exceptions=True)
    assert [type(each) for each in outcomes] == [asyncio.CancelledError, QueueUnavailableError]


async def test_when_more_waits_than_may_a_post_is_refused_and_those_before_it_are_not(queue):
    size = _parcel().size
    outbox = LingeringOutbox(queue, SystemClock(), linger=0.01, max_waiting=2 * size)
    posts = await _begun(outbox.post([_parcel()]), outbox.post([_parcel()]))
    with pytest.raises(QueueUnavailableError, match="INGEST_MAX_WAITING"):
        await outbox.post([_parcel()])
    await asyncio.gather(*posts)
    await outbox.post([_parcel()])


@pytest.mark.parametrize("sending", [False, True])
async def test_an_outbox_whose_driver_is_stopped_leaves_nobody_waiting(queue, outbox, sending):
    queue.may_send.clear()
    posts = await _begun(outbox.post([_parcel()]))
    if sending:
        await _until_sending(queue)
        posts += await _begun(outbox.post([_parcel()]))
    await asyncio.sleep(0)  # the driver has begun
    outbox._driver.cancel()
    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(*posts, return_exceptions=True)
    assert {type(each) for each in outcomes} == {QueueUnavailableError}
    queue.may_send.set()
    await outbox.post([_parcel()])
