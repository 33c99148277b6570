"""No jump of the wall clock changes what a queue does, in the words of `telemetry.domain.transport.queue`."""

from datetime import timedelta

import pytest

from telemetry.domain.transport.lease import Depth
from telemetry.testing.queue.counts import Counted
from telemetry.testing.queue.trial import Suite, Trial, lease

SPANS = [timedelta(hours=1), timedelta(days=1), timedelta(days=365)]
JUMPS = [sign * span.total_seconds() for span in SPANS for sign in (1, -1)]
NAMES = ["hour ahead", "hour back", "day ahead", "day back", "year ahead", "year back"]

jumps = pytest.mark.parametrize("by_s", JUMPS, ids=NAMES)


@pytest.mark.anyio
class Clocks(Suite):
    """For every queue: whatever the wall clock does."""

    @jumps
    async def test_a_jump_after_a_send_hides_nothing(self, trial: Trial, by_s: float) -> None:
        await trial.queue.send([b"m"])
        trial.jump(by_s)
        assert (await lease(trial.queue)).body == b"m"

    @jumps
    async def test_a_jump_after_a_receive_neither_ends_the_lease_nor_prolongs_it(
        self, trial: Trial, by_s: float
    ) -> None:
        await trial.queue.send([b"m"])
        await lease(trial.queue)
        trial.jump(by_s)
        assert await trial.queue.receive(1, 0) == []
        await trial.let_pass(1.1)
        assert (await lease(trial.queue)).receives == 2

    @jumps
    async def test_a_jump_between_a_receive_and_a_delete_harms_neither(
        self, trial: Trial, by_s: float
    ) -> None:
        await trial.queue.send([b"m"])
        held = await lease(trial.queue)
        trial.jump(by_s)
        assert await trial.queue.delete([held.handle]) == []
        await trial.let_pass(1.1)
        assert await trial.queue.receive(1, 0) == []

    @jumps
    async def test_a_jump_before_and_after_extending_leaves_its_length_as_it_is(
        self, trial: Trial, by_s: float
    ) -> None:
        await trial.queue.send([b"m"])
        held = await lease(trial.queue)
        trial.jump(by_s)
        assert await trial.queue.extend([held.handle], trial.terms.visibility_ms / 1000) == []
        trial.jump(-2 * by_s)
        assert await trial.queue.receive(1, 0) == []
        await trial.let_pass(1.1)
        assert (await lease(trial.queue)).receives == 2

    @jumps
    async def test_a_message_is_handed_back_at_once_whatever_the_clock_does(
        self, trial: Trial, by_s: float
    ) -> None:
        await trial.queue.send([b"m"])
        held = await lease(trial.queue)
        trial.jump(by_s)
        assert await trial.queue.extend([held.handle], 0) == []
        trial.jump(-2 * by_s)
        assert (await lease(trial.queue)).body == b"m"


@pytest.mark.anyio
class CountedClocks(Counted):
    """For a queue that knows what it holds, whatever the wall clock does."""

    @jumps
    async def test_depth_counts_truly_whatever_the_clock_does(self, trial: Trial, by_s: float) -> None:
        await trial.make_dead(b"dead")
        await trial.queue.send([b"1", b"2", b"3"])
        await trial.queue.receive(2, 0)
        trial.jump(by_s)
        assert await trial.queue.depth() == Depth(ready=1, leased=2, dead=1)
        await trial.let_pass(1.1)
        trial.jump(-2 * by_s)
        assert await trial.queue.depth() == Depth(ready=3, leased=0, dead=1)

    @jumps
    async def test_a_dead_letter_is_redriven_whatever_the_clock_does(self, trial: Trial, by_s: float) -> None:
        (letter,) = await trial.make_dead(b"m")
        trial.jump(by_s)
        assert await trial.queue.redrive([letter.handle]) == []
        trial.jump(-2 * by_s)
        assert (await lease(trial.queue)).sent_ms == letter.sent_ms
