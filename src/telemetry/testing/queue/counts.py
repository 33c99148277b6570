"""What is in a queue, counted, in the words of `telemetry.domain.transport.queue`."""

import pytest

from telemetry.domain.transport.lease import Depth
from telemetry.testing.queue.trial import Suite, Trial, bodies_of, lease


@pytest.mark.anyio
class Counted(Suite):
    """For a queue that knows at every moment what it holds."""

    async def test_sending_nothing_sends_nothing(self, trial: Trial) -> None:
        assert list(await trial.queue.send([])) == []
        assert await trial.queue.depth() == Depth(0, 0, 0)

    async def test_depth_counts_what_is_to_be_received_on_lease_and_dead(self, trial: Trial) -> None:
        await trial.make_dead(b"dead")
        await trial.queue.send([b"1", b"2", b"3"])
        await trial.queue.receive(2, 0)
        assert await trial.queue.depth() == Depth(ready=1, leased=2, dead=1)
        await trial.let_pass(1.1)
        assert await trial.queue.depth() == Depth(ready=3, leased=0, dead=1)

    async def test_what_will_not_be_leased_again_is_dead_before_anybody_meets_it(self, trial: Trial) -> None:
        await trial.queue.send([b"poison"])
        for _ in range(trial.terms.max_receives):
            assert await trial.queue.depth() == Depth(ready=1, leased=0, dead=0)
            await lease(trial.queue)
            assert await trial.queue.depth() == Depth(ready=0, leased=1, dead=0)
            await trial.let_pass(1.1)
        assert await trial.queue.depth() == Depth(ready=0, leased=0, dead=1)
        assert bodies_of(await trial.queue.dead(10)) == [b"poison"]


@pytest.mark.anyio
class Aged(Suite):
    """For a queue that says how long its oldest message has waited; its clock is moved by hand."""

    async def test_the_oldest_message_that_is_not_dead_is_told_whether_it_is_on_lease_or_not(
        self, trial: Trial
    ) -> None:
        assert await trial.queue.oldest_ms() is None
        await trial.make_dead(b"dead")
        assert await trial.queue.oldest_ms() is None
        sent_ms = trial.clock.wall_ms()
        await trial.queue.send([b"1"])
        await trial.let_pass(0.1)
        await trial.queue.send([b"2"])
        assert await trial.queue.oldest_ms() == sent_ms
        handle = (await lease(trial.queue)).handle
        assert await trial.queue.oldest_ms() == sent_ms
        await trial.queue.delete([handle])
        later_ms = await trial.queue.oldest_ms()
        assert later_ms is not None
        assert later_ms > sent_ms
