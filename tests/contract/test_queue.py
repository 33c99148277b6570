"""What every queue promises, in the words of `telemetry.domain.transport.queue` and `telemetry.domain.transport.lease`."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.clock import Clock
from telemetry.domain.transport.lease import Delivery, Depth, LeaseTerms
from telemetry.domain.transport.queue import Queue

TERMS = LeaseTerms(visibility_ms=30_000, max_receives=3)
START = 1_760_877_296_000


class Bench(msgspec.Struct, frozen=True):
    """A queue to be tested, and how time is told and passes for it."""

    queue: Queue
    clock: Clock
    terms: LeaseTerms
    let_pass: Callable[[float], Awaitable[None]]
    """Let a share of the visibility pass, on the clock by hand or by waiting for real."""


@pytest.fixture
def manual_clock():
    return ManualClock(START)


@pytest.fixture
def by_hand(manual_clock):
    async def let_pass(share: float) -> None:
        manual_clock.advance(share * TERMS.visibility_ms / 1000)

    return let_pass


@pytest.fixture
async def memory(manual_clock, by_hand):
    queue = MemoryQueue(manual_clock, TERMS)
    yield Bench(queue, manual_clock, TERMS, by_hand)
    await queue.close()


@pytest.fixture
async def sqlite(manual_clock, by_hand, tmp_path):
    queue = SqliteQueue(tmp_path / "queue.db", manual_clock, TERMS, max_size=100_000_000)
    yield Bench(queue, manual_clock, TERMS, by_hand)
    await queue.close()


@pytest.fixture(params=["memory", "sqlite", "sqs"])
def bench(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["memory", "sqlite"])
def exact(request):
    """The queues that keep the ledger to the letter; a distributed one keeps no order, and counts roughly."""
    return request.getfixturevalue(request.param)


def _bodies(deliveries: Sequence[Delivery]) -> list[bytes]:
    return [each.body for each in deliveries]


def _handles(deliveries: Sequence[Delivery]) -> list[str]:
    return [each.handle for each in deliveries]


async def _lease(queue: Queue) -> Delivery:
    (delivery,) = await queue.receive(1, 5)
    return delivery


async def _bury(bench: Bench, *bodies: bytes) -> Sequence[Delivery]:
    """Send bodies one after the other and lease each as often as one may, so that all are dead letters."""
    for body in bodies:
        await bench.queue.send([body])
    for _ in range(bench.terms.max_receives):
        for _ in bodies:
            await bench.queue.extend([(await _lease(bench.queue)).handle], bench.terms.visibility_ms / 1000)
        await bench.let_pass(1.1)
    assert await bench.queue.receive(1, 0) == []
    return await bench.queue.dead(10)


async def test_what_was_sent_is_received_byte_by_byte(bench):
    bodies = [bytes(range(256)), b"{}", "ü€".encode(), b"\0" * 10_000]
    assert list(await bench.queue.send(bodies)) == []
    assert sorted(_bodies(await bench.queue.receive(10, 1))) == sorted(bodies)


async def test_a_body_may_have_as_many_bytes_as_the_queue_says(bench):
    body = bytes(bench.queue.max_body)
    assert list(await bench.queue.send([body])) == []
    assert (await _lease(bench.queue)).body == body


async def test_sending_nothing_sends_nothing(exact):
    assert list(await exact.queue.send([])) == []
    assert await exact.queue.depth() == Depth(0, 0, 0)


async def test_a_message_is_there_until_it_is_deleted(bench):
    await bench.queue.send([b"m"])
    for _ in range(bench.terms.max_receives - 1):
        assert (await _lease(bench.queue)).body == b"m"
        await bench.let_pass(1.1)
    assert await bench.queue.delete([(await _lease(bench.queue)).handle]) == []
    await bench.let_pass(1.1)
    assert await bench.queue.receive(1, 0) == []


async def test_messages_are_received_in_the_order_in_which_they_were_sent(exact):
    await exact.queue.send([b"1", b"2"])
    await exact.queue.send([b"3"])
    assert _bodies(await exact.queue.receive(2, 0)) == [b"1", b"2"]
    assert _bodies(await exact.queue.receive(2, 0)) == [b"3"]


async def test_a_message_handed_back_keeps_its_place_in_the_order(exact):
    await exact.queue.send([b"1", b"2", b"3"])
    first = await _lease(exact.queue)
    await exact.queue.extend([first.handle], 0)
    assert _bodies(await exact.queue.receive(3, 0)) == [b"1", b"2", b"3"]


async def test_a_receive_leases_up_to_its_limit(bench):
    await bench.queue.send([b"%d" % n for n in range(5)])
    received: list[Delivery] = []
    while deliveries := await bench.queue.receive(2, 0):
        assert len(deliveries) <= 2
        received += deliveries
    assert sorted(_bodies(received)) == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_receive_without_messages_returns_none_after_its_wait(bench):
    started = time.monotonic()
    assert await bench.queue.receive(1, 0.1) == []
    assert 0.09 <= time.monotonic() - started < 5


async def test_a_receive_that_may_not_wait_returns_at_once(bench):
    assert min([await _duration(bench.queue.receive(1, 0)) for _ in range(5)]) < 1


async def test_a_waiting_receiver_gets_a_message_as_soon_as_there_is_one(exact):
    # The best of several tries tells what the queue can do; the others tell what else this machine does.
    for _ in range(20):
        waiting = await _waiting(exact.queue)
        if await _duration(exact.queue.send([b"m"]), waiting) < 0.05:
            return
    pytest.fail("no receiver woke within 50 ms")


async def test_a_waiting_receiver_gets_a_message_that_is_handed_back(bench):
    await bench.queue.send([b"m"])
    delivery = await _lease(bench.queue)
    waiting = await _waiting(bench.queue)
    await bench.queue.extend([delivery.handle], 0)
    assert _bodies(await waiting) == [b"m"]


async def test_a_waiting_receiver_gets_a_letter_that_is_redriven(bench):
    (letter,) = await _bury(bench, b"m")
    waiting = await _waiting(bench.queue)
    await bench.queue.redrive([letter.handle])
    assert _bodies(await waiting) == [b"m"]


async def test_of_several_waiting_receivers_one_gets_the_message(bench):
    waiting = [asyncio.create_task(bench.queue.receive(1, 2)) for _ in range(5)]
    await bench.queue.send([b"m"])
    received = await asyncio.gather(*waiting)
    assert [_bodies(each) for each in received if each] == [[b"m"]]


async def test_to_receive_is_to_lease_so_that_nobody_else_receives_the_message(bench):
    await bench.queue.send([b"m"])
    await _lease(bench.queue)
    assert await bench.queue.receive(1, 0) == []
    await bench.let_pass(0.6)
    assert await bench.queue.receive(1, 0) == []


async def test_after_its_lease_a_message_is_visible_again_with_a_receipt_of_its_own(bench):
    await bench.queue.send([b"m"])
    first = await _lease(bench.queue)
    await bench.let_pass(1.1)
    second = await _lease(bench.queue)
    assert (first.body, first.receives) == (b"m", 1)
    assert (second.body, second.receives) == (b"m", 2)
    assert second.handle != first.handle


async def test_a_delivery_says_when_its_message_was_sent(bench):
    before = bench.clock.wall_ms()
    await bench.queue.send([b"m"])
    first = await _lease(bench.queue)
    await bench.let_pass(1.1)
    assert first.sent_ms == (await _lease(bench.queue)).sent_ms
    assert abs(first.sent_ms - before) < 60_000  # another machine's clock may tell it


@pytest.mark.parametrize("turns", range(12))
async def test_a_receive_that_is_cancelled_leases_nothing(bench, turns):
    await bench.queue.send([b"m"])
    receiving = asyncio.create_task(bench.queue.receive(1, 5))
    for _ in range(turns):
        if not receiving.done():
            await asyncio.sleep(0.0002 * turns)
    receiving.cancel()
    await asyncio.wait([receiving])
    if receiving.cancelled():
        assert (await _lease(bench.queue)).receives == 1


async def test_only_the_newest_receipt_deletes_and_refusing_changes_nothing(exact):
    await exact.queue.send([b"m"])
    first = await _lease(exact.queue)
    await exact.let_pass(1.1)
    second = await _lease(exact.queue)
    assert await exact.queue.delete([first.handle]) == [first.handle]
    assert await exact.queue.depth() == Depth(ready=0, leased=1, dead=0)
    assert await exact.queue.delete([second.handle]) == []
    assert await exact.queue.depth() == Depth(0, 0, 0)


async def test_only_the_newest_receipt_extends_and_refusing_changes_nothing(exact):
    await exact.queue.send([b"m"])
    first = await _lease(exact.queue)
    await exact.let_pass(1.1)
    await _lease(exact.queue)
    assert await exact.queue.extend([first.handle], 0) == [first.handle]
    assert await exact.queue.receive(1, 0) == []


@pytest.mark.parametrize("settle", ["delete", "hand back"])
async def test_a_receipt_is_refused_once_its_lease_is_over(exact, settle):
    await exact.queue.send([b"m"])
    handles = [(await _lease(exact.queue)).handle]
    await exact.let_pass(1.1)
    queue = exact.queue
    assert await (queue.delete(handles) if settle == "delete" else queue.extend(handles, 0)) == handles
    assert await queue.depth() == Depth(ready=1, leased=0, dead=0)


async def test_a_receipt_that_deleted_is_refused_from_then_on(exact):
    await exact.queue.send([b"m"])
    handle = (await _lease(exact.queue)).handle
    assert await exact.queue.delete([handle, handle]) == [handle]
    assert await exact.queue.extend([handle], 1) == [handle]


async def test_of_several_receipts_those_refused_are_values_and_the_others_are_done(exact):
    await exact.queue.send([b"1", b"2", b"3"])
    one, two, three = _handles(await exact.queue.receive(3, 0))
    await exact.queue.delete([two])
    assert await exact.queue.extend([one, two, three], 60) == [two]
    assert await exact.queue.delete([one, two, three]) == [two]
    assert await exact.queue.depth() == Depth(0, 0, 0)


async def test_extending_sets_the_end_of_the_lease_anew_from_now(bench):
    await bench.queue.send([b"m"])
    delivery = await _lease(bench.queue)
    await bench.let_pass(0.6)
    assert await bench.queue.extend([delivery.handle], bench.terms.visibility_ms / 1000) == []
    await bench.let_pass(0.6)
    assert await bench.queue.receive(1, 0) == []
    await bench.let_pass(0.6)
    assert (await _lease(bench.queue)).body == b"m"


async def test_extending_may_bring_the_end_of_a_lease_nearer(bench):
    await bench.queue.send([b"m"])
    delivery = await _lease(bench.queue)
    await bench.queue.extend([delivery.handle], bench.terms.visibility_ms / 1000 * 0.2)
    await bench.let_pass(0.4)
    assert (await _lease(bench.queue)).body == b"m"


async def test_extending_by_nothing_hands_the_message_back_at_once(bench):
    await bench.queue.send([b"m"])
    delivery = await _lease(bench.queue)
    assert await bench.queue.extend([delivery.handle], 0) == []
    assert (await _lease(bench.queue)).receives == 2


async def test_a_message_leased_as_often_as_it_may_be_becomes_a_dead_letter(bench):
    (letter,) = await _bury(bench, b"poison")
    assert (letter.body, letter.receives) == (b"poison", bench.terms.max_receives)
    assert await bench.queue.receive(1, 0) == []


async def test_a_dead_letter_does_not_hold_up_those_behind_it(bench):
    await _bury(bench, b"poison")
    await bench.queue.send([b"m"])
    assert (await _lease(bench.queue)).body == b"m"


async def test_dead_letters_are_met_on_the_way_to_what_may_be_received(exact):
    await exact.queue.send([b"poison", b"poison"])
    for _ in range(exact.terms.max_receives):
        await exact.queue.receive(2, 0)
        await exact.let_pass(1.1)
    await exact.queue.send([b"1", b"2"])
    assert _bodies(await exact.queue.receive(1, 0)) == [b"1"]
    assert await exact.queue.depth() == Depth(ready=1, leased=1, dead=2)


async def test_a_message_on_its_last_lease_can_be_deleted(bench):
    await bench.queue.send([b"m"])
    for _ in range(bench.terms.max_receives):
        delivery = await _lease(bench.queue)
        await bench.queue.extend([delivery.handle], bench.terms.visibility_ms / 1000)
        if delivery.receives < bench.terms.max_receives:
            await bench.let_pass(1.1)
    assert await bench.queue.delete([delivery.handle]) == []
    await bench.let_pass(1.1)
    assert await bench.queue.receive(1, 0) == []
    assert await bench.queue.dead(1) == []


async def test_dead_letters_are_shown_the_oldest_first_and_up_to_a_limit(exact):
    letters = await _bury(exact, b"1", b"2", b"3")
    assert _bodies(letters) == [b"1", b"2", b"3"]
    assert await exact.queue.dead(2) == letters[:2]


async def test_a_dead_letter_is_neither_deleted_nor_extended_by_its_receipt(exact):
    handles = _handles(await _bury(exact, b"m"))
    assert await exact.queue.delete(handles) == handles
    assert await exact.queue.extend(handles, 0) == handles
    assert await exact.queue.depth() == Depth(ready=0, leased=0, dead=1)


async def test_a_redriven_letter_is_sent_anew_under_the_time_at_which_it_was_first_sent(bench):
    (letter,) = await _bury(bench, b"m")
    assert await bench.queue.redrive([letter.handle]) == []
    again = await _lease(bench.queue)
    assert (again.body, again.sent_ms, again.receives) == (b"m", letter.sent_ms, 1)
    assert await bench.queue.dead(1) == []


async def test_a_redriven_letter_goes_behind_what_waits_already(exact):
    (letter,) = await _bury(exact, b"old")
    await exact.queue.send([b"new"])
    await exact.queue.redrive([letter.handle])
    assert _bodies(await exact.queue.receive(2, 0)) == [b"new", b"old"]


async def test_a_letter_is_redriven_once_however_often_it_is_named(exact):
    (letter,) = await _bury(exact, b"m")
    assert await exact.queue.redrive([letter.handle, letter.handle]) == [letter.handle]
    assert await exact.queue.redrive([letter.handle]) == [letter.handle]
    assert await exact.queue.depth() == Depth(ready=1, leased=0, dead=0)


async def test_only_dead_letters_are_redriven(exact):
    await exact.queue.send([b"m"])
    leased = await _lease(exact.queue)
    assert await exact.queue.redrive([leased.handle]) == [leased.handle]
    assert await exact.queue.depth() == Depth(ready=0, leased=1, dead=0)


async def test_depth_counts_what_is_to_be_received_on_lease_and_dead(exact):
    await _bury(exact, b"dead")
    await exact.queue.send([b"1", b"2", b"3"])
    await exact.queue.receive(2, 0)
    assert await exact.queue.depth() == Depth(ready=1, leased=2, dead=1)
    await exact.let_pass(1.1)
    assert await exact.queue.depth() == Depth(ready=3, leased=0, dead=1)


async def _waiting(queue: Queue) -> "asyncio.Task[Sequence[Delivery]]":
    """Start a receive, and let it come to the point where it waits."""
    waiting = asyncio.create_task(queue.receive(1, 10))
    await asyncio.sleep(0.02)
    return waiting


async def _duration(*work: Awaitable[object]) -> float:
    started = time.monotonic()
    await asyncio.gather(*work)
    return time.monotonic() - started
