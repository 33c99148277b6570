"""How the queue on SQS polls, and what becomes of what a poll brought."""

import asyncio

from harness.stub import Stub, ok, sqs_error
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
    queue._polls._visibility_s = 0
    stub.script = failing(1, full(), lambda _: ok())
    assert await queue.receive(4, 0.5) == []
    await queue.close()
