"""The laws of sending and receiving, in the words of `telemetry.domain.transport.queue`."""

import asyncio
import time
from itertools import cycle

import pytest

from telemetry.domain.transport.lease import Delivery
from telemetry.testing.queue.trial import Suite, Trial, bodies_of, duration_of, lease, start_receive


@pytest.mark.anyio
class Sending(Suite):
    """For every queue: sending and receiving."""

    async def test_what_was_sent_is_received_byte_by_byte(self, trial: Trial) -> None:
        bodies = [bytes(range(256)), b"{}", "ü€".encode(), b"\0" * 10_000]
        assert list(await trial.queue.send(bodies)) == []
        assert sorted(bodies_of(await trial.queue.receive(10, 1))) == sorted(bodies)

    async def test_a_body_may_have_as_many_bytes_as_the_queue_says(self, trial: Trial) -> None:
        body = bytes(trial.queue.max_body)
        assert list(await trial.queue.send([body])) == []
        assert (await lease(trial.queue)).body == body

    async def test_a_message_is_there_until_it_is_deleted(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        for _ in range(trial.terms.max_receives - 1):
            assert (await lease(trial.queue)).body == b"m"
            await trial.let_pass(1.1)
        assert await trial.queue.delete([(await lease(trial.queue)).handle]) == []
        await trial.let_pass(1.1)
        assert await trial.queue.receive(1, 0) == []

    async def test_a_receive_leases_up_to_its_limit(self, trial: Trial) -> None:
        await trial.queue.send([b"%d" % n for n in range(5)])
        received: list[Delivery] = []
        while deliveries := await trial.queue.receive(2, 0):
            assert len(deliveries) <= 2
            received += deliveries
        assert sorted(bodies_of(received)) == [b"0", b"1", b"2", b"3", b"4"]

    async def test_a_backlog_is_received_whole_however_few_a_receive_may_bring(self, trial: Trial) -> None:
        bodies = [b"%d" % n for n in range(40)]
        await trial.queue.send(bodies)
        received: set[bytes] = set()  # where a lease ends before its message is deleted, one comes again
        for limit in cycle((1, 3, 10, 2)):
            deliveries = await trial.queue.receive(limit, 5)
            received.update(bodies_of(deliveries))
            await trial.queue.delete([each.handle for each in deliveries])
            if not deliveries or len(received) == len(bodies):
                break
        assert received == set(bodies)
        assert await trial.queue.receive(1, 0) == []

    async def test_a_delivery_says_when_its_message_was_sent(self, trial: Trial) -> None:
        before = trial.clock.wall_ms()
        await trial.queue.send([b"m"])
        first = await lease(trial.queue)
        await trial.let_pass(1.1)
        assert first.sent_ms == (await lease(trial.queue)).sent_ms
        assert abs(first.sent_ms - before) < 60_000  # it may be by another machine's clock

    async def test_a_receive_without_messages_returns_none_after_its_wait(self, trial: Trial) -> None:
        started = time.monotonic()
        assert await trial.queue.receive(1, 0.1) == []
        assert 0.09 <= time.monotonic() - started < 5

    async def test_a_receive_that_may_not_wait_returns_at_once(self, trial: Trial) -> None:
        assert min([await duration_of(trial.queue.receive(1, 0)) for _ in range(5)]) < 1

    async def test_a_waiting_receiver_gets_a_message_that_is_handed_back(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        delivery = await lease(trial.queue)
        waiting = await start_receive(trial.queue)
        await trial.queue.extend([delivery.handle], 0)
        assert bodies_of(await waiting) == [b"m"]

    async def test_a_waiting_receiver_gets_a_dead_letter_that_is_redriven(self, trial: Trial) -> None:
        (letter,) = await trial.make_dead(b"m")
        waiting = await start_receive(trial.queue)
        await trial.queue.redrive([letter.handle])
        assert bodies_of(await waiting) == [b"m"]

    async def test_of_several_waiting_receivers_one_gets_the_message(self, trial: Trial) -> None:
        waiting = [asyncio.create_task(trial.queue.receive(1, 2)) for _ in range(5)]
        await trial.queue.send([b"m"])
        received = await asyncio.gather(*waiting)
        assert [bodies_of(each) for each in received if each] == [[b"m"]]

    @pytest.mark.parametrize("turns", range(12))
    async def test_a_receive_that_is_cancelled_leases_nothing(self, trial: Trial, turns: int) -> None:
        await trial.queue.send([b"m"])
        receiving = asyncio.create_task(trial.queue.receive(1, 5))
        for _ in range(turns):
            if not receiving.done():
                await asyncio.sleep(0.0002 * turns)
        receiving.cancel()
        await asyncio.wait([receiving])
        if receiving.cancelled():
            assert (await lease(trial.queue)).receives == 1


@pytest.mark.anyio
class Ordered(Suite):
    """For a queue that keeps the order in which messages were sent."""

    async def test_messages_are_received_in_the_order_in_which_they_were_sent(self, trial: Trial) -> None:
        await trial.queue.send([b"1", b"2"])
        await trial.queue.send([b"3"])
        assert bodies_of(await trial.queue.receive(2, 0)) == [b"1", b"2"]
        assert bodies_of(await trial.queue.receive(2, 0)) == [b"3"]

    async def test_a_message_handed_back_keeps_its_place_in_the_order(self, trial: Trial) -> None:
        await trial.queue.send([b"1", b"2", b"3"])
        first = await lease(trial.queue)
        await trial.queue.extend([first.handle], 0)
        assert bodies_of(await trial.queue.receive(3, 0)) == [b"1", b"2", b"3"]

    async def test_a_redriven_dead_letter_goes_behind_what_waits_already(self, trial: Trial) -> None:
        (letter,) = await trial.make_dead(b"old")
        await trial.queue.send([b"new"])
        await trial.queue.redrive([letter.handle])
        assert bodies_of(await trial.queue.receive(2, 0)) == [b"new", b"old"]

    async def test_dead_letters_are_shown_the_oldest_first_and_up_to_a_limit(self, trial: Trial) -> None:
        letters = await trial.make_dead(b"1", b"2", b"3")
        assert bodies_of(letters) == [b"1", b"2", b"3"]
        assert await trial.queue.dead(2) == letters[:2]


@pytest.mark.anyio
class Prompt(Suite):
    """For a queue that wakes its receivers."""

    async def test_a_waiting_receiver_gets_a_message_as_soon_as_there_is_one(self, trial: Trial) -> None:
        # The best of several tries shows what the queue can do; the others show what else this machine does.
        for _ in range(20):
            waiting = await start_receive(trial.queue)
            if await duration_of(trial.queue.send([b"m"]), waiting) < 0.05:
                return
        pytest.fail("no receiver woke within 50 ms")
