"""No jump of the wall clock changes what a queue does, in the words of `telemetry.domain.transport.queue`."""

from datetime import timedelta

import pytest

from telemetry.domain.transport.lease import Depth
from tests.contract.timed import lease

SPANS = [timedelta(hours=1), timedelta(days=1), timedelta(days=365)]
JUMPS = [sign * span.total_seconds() for span in SPANS for sign in (1, -1)]
NAMES = ["hour ahead", "hour back", "day ahead", "day back", "year ahead", "year back"]

jumps = pytest.mark.parametrize("by_s", JUMPS, ids=NAMES)


@jumps
async def test_a_jump_after_a_send_hides_nothing(every, by_s):
    await every.queue.send([b"m"])
    every.jump(by_s)
    assert (await lease(every.queue)).body == b"m"


@jumps
async def test_a_jump_after_a_receive_neither_ends_the_lease_nor_prolongs_it(every, by_s):
    await every.queue.send([b"m"])
    await lease(every.queue)
    every.jump(by_s)
    assert await every.queue.receive(1, 0) == []
    await every.let_pass(1.1)
    assert (await lease(every.queue)).receives == 2


@jumps
async def test_a_jump_between_a_receive_and_a_delete_harms_neither(every, by_s):
    await every.queue.send([b"m"])
    held = await lease(every.queue)
    every.jump(by_s)
    assert await every.queue.delete([held.handle]) == []
    await every.let_pass(1.1)
    assert await every.queue.receive(1, 0) == []


@jumps
async def test_a_jump_before_and_after_extending_leaves_its_length_as_it_is(every, by_s):
    await every.queue.send([b"m"])
    held = await lease(every.queue)
    every.jump(by_s)
    assert await every.queue.extend([held.handle], every.terms.visibility_ms / 1000) == []
    every.jump(-2 * by_s)
    assert await every.queue.receive(1, 0) == []
    await every.let_pass(1.1)
    assert (await lease(every.queue)).receives == 2


@jumps
async def test_a_message_is_handed_back_at_once_whatever_the_clock_does(every, by_s):
    await every.queue.send([b"m"])
    held = await lease(every.queue)
    every.jump(by_s)
    assert await every.queue.extend([held.handle], 0) == []
    every.jump(-2 * by_s)
    assert (await lease(every.queue)).body == b"m"


@jumps
async def test_jumps_make_no_dead_letter_of_a_message_that_is_answered(exact, by_s):
    await exact.queue.send([b"m"])
    for _ in range(2 * exact.terms.max_receives):
        held = await lease(exact.queue)
        exact.jump(by_s)
        assert await exact.queue.receive(1, 0) == []
        assert await exact.queue.extend([held.handle], 0) == []
        exact.jump(-by_s)
    assert await exact.queue.depth() == Depth(ready=1, leased=0, dead=0)


@jumps
async def test_depth_counts_truly_whatever_the_clock_does(exact, by_s):
    await exact.make_dead(b"dead")
    await exact.queue.send([b"1", b"2", b"3"])
    await exact.queue.receive(2, 0)
    exact.jump(by_s)
    assert await exact.queue.depth() == Depth(ready=1, leased=2, dead=1)
    await exact.let_pass(1.1)
    exact.jump(-2 * by_s)
    assert await exact.queue.depth() == Depth(ready=3, leased=0, dead=1)


@jumps
async def test_a_dead_letter_is_redriven_whatever_the_clock_does(exact, by_s):
    (letter,) = await exact.make_dead(b"m")
    exact.jump(by_s)
    assert await exact.queue.redrive([letter.handle]) == []
    exact.jump(-2 * by_s)
    assert (await lease(exact.queue)).sent_ms == letter.sent_ms
