"""How the queue on SQS polls, and what becomes of what a poll brought."""

import asyncio
import random
from itertools import pairwise

import pytest

from harness.stub import Answer, Call, Stub, ok, sqs_error
from telemetry.adapters.queue.sqs import polls
from telemetry.adapters.queue.sqs.arrivals import Arrivals
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.adapters.queue.sqs_stub import done, entries, failing, full, queue_at
from tests.waiting import until


async def test_while_polls_come_back_full_there_are_more_of_them(stub: Stub, stubbed):
    stub.script = lambda _: full()
    seen = 0
    async with asyncio.timeout(30):
        while len(stubbed._polls._under_way) < 4:
            seen += len(await stubbed.receive(10, 5))
    assert seen
    stub.script = lambda _: ok()
    await until(lambda: not stubbed._polls._under_way)
    assert stubbed._polls._wanted == 1


class Backlog:
    """Answers polls out of a backlog with as few messages as it likes, but with one at least."""

    def __init__(self, count: int, seed: int) -> None:
        self.left = [f"r{n}" for n in range(count)]
        self.draw = random.Random(seed)
        self.waits: list[int] = []

    def __call__(self, call: Call) -> Answer:
        self.waits.append(call.asked["WaitTimeSeconds"])
        count = self.draw.randint(1, 10)
        brought, self.left = self.left[:count], self.left[count:]
        return full(handles=brought)


@pytest.mark.parametrize("seed", range(3))
async def test_a_queue_that_brings_few_at_a_time_is_emptied_without_a_pause(stub: Stub, seed: int):
    backlog = Backlog(300, seed)
    queue = queue_at(stub, pause_s=3600)
    stub.script = backlog
    received: list[str] = []
    async with asyncio.timeout(30):
        while len(received) < 300:
            received += [each.handle for each in await queue.receive(16, 3600)]
    assert sorted(received) == sorted(f"r{n}" for n in range(300))
    assert backlog.waits[0] == 20
    assert set(backlog.waits[1:]) == {0}
    await queue.close()


async def test_where_messages_are_large_there_are_fewer_polls(
    stub: Stub, stubbed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(polls, "_MOST_BYTES", 100)
    stub.script = lambda _: full()  # 40 bytes
    async with asyncio.timeout(30):
        for _ in range(20):
            await stubbed.receive(10, 5)
            assert len(stubbed._polls._under_way) <= 2
    assert stubbed._polls._wanted == 2


async def test_a_poll_that_brought_nothing_is_followed_by_a_pause_and_one_poll_that_waits(stub: Stub):
    queue = queue_at(stub, pause_s=0.05)
    began_s: list[float] = []
    loop = asyncio.get_running_loop()

    def nothing(call: Call) -> Answer:
        began_s.append(loop.time())
        assert call.asked["WaitTimeSeconds"] == 20
        return ok()

    stub.script = nothing
    await queue.receive(1, 1)
    assert len(began_s) > 3
    assert min(later - earlier for earlier, later in pairwise(began_s)) > 0.04
    await queue.close()


async def test_nobody_who_waits_is_forgotten_between_two_polls(stub: Stub):
    queue = queue_at(stub, pause_s=0)
    polls = iter([full(1), ok(), full(1), ok(), ok(), full(1)])
    stub.script = lambda _: next(polls, ok())
    async with asyncio.timeout(30):
        received = await asyncio.gather(*(queue.receive(1, 3600) for _ in range(3)))
    assert [len(each) for each in received] == [1, 1, 1]
    await queue.close()


async def test_a_fault_that_is_over_is_not_raised(stub: Stub, stubbed):
    stub.script = lambda _: full(1)
    stubbed._polls._error = QueueUnavailableError("of a poll before")
    assert await stubbed.receive(1, 30)


async def test_a_poll_asks_for_ten_and_waits_long_however_short_the_callers_patience_is(stub: Stub, stubbed):
    stub.script = lambda _: ok()
    assert await stubbed.receive(1, 0.01) == []
    asked = stub.calls[0].asked
    assert (asked["MaxNumberOfMessages"], asked["WaitTimeSeconds"], asked["VisibilityTimeout"]) == (
        10,
        20,
        30,
    )


async def test_a_waiting_receiver_wakes_when_there_is_a_message_and_not_when_its_wait_is_over(real):
    queue, _ = real
    loop = asyncio.get_running_loop()
    waiting = asyncio.create_task(queue.receive(1, 60))
    await asyncio.sleep(0)
    started = loop.time()
    await queue.send([b"m"])
    assert [each.body for each in await waiting] == [b"m"]
    assert loop.time() - started < 30


async def test_what_a_poll_brought_is_there_for_the_next_caller(stub: Stub, stubbed):
    stub.script = failing(1, full(), lambda _: ok())
    assert len(await stubbed.receive(4, 30)) == 4
    assert len(await stubbed.receive(4, 0)) == 4
    assert len(await stubbed.receive(4, 0)) == 2


async def test_what_was_received_and_not_taken_is_handed_back_at_the_end(stub: Stub):
    queue = queue_at(stub)
    stub.script = failing(1, full(), lambda call: done(call) if "Batch" in call.verb else ok())
    taken = await queue.receive(4, 30)
    await queue.close()
    (back,) = [call for call in stub.calls if call.verb == "ChangeMessageVisibilityBatch"]
    assert {entry["VisibilityTimeout"] for entry in entries(back)} == {0}
    left = {f"r{n}" for n in range(10)} - {each.handle for each in taken}
    assert {entry["ReceiptHandle"] for entry in entries(back)} == left
    await queue.close()


async def test_a_queue_that_cannot_hand_back_closes_all_the_same(stub: Stub):
    queue = queue_at(stub)
    stub.script = failing(1, full(), lambda _: sqs_error("AccessDenied", 403))
    await queue.receive(4, 30)
    await queue.close()


async def test_what_nobody_took_for_half_of_its_lease_is_left_to_come_again(stub: Stub):
    queue = queue_at(stub)
    queue._polls._arrived = Arrivals(0)
    stub.script = failing(1, full(), lambda _: ok())
    assert await queue.receive(4, 0.5) == []
    await queue.close()
