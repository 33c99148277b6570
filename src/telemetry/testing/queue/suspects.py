"""The laws of messages whose holders died, in the words of `telemetry.domain.transport.lease`."""

import pytest

from telemetry.domain.transport.lease import SUSPECT_AFTER, Depth
from telemetry.testing.queue.clocks import jumps
from telemetry.testing.queue.counts import Counted
from telemetry.testing.queue.trial import Suite, Trial, bodies_of, handles_of, lease


async def make_suspects(trial: Trial, *bodies: bytes) -> None:
    """Send bodies, and lease all of them as often as a suspect was leased, without an answer."""
    await trial.queue.send(list(bodies))
    for _ in range(SUSPECT_AFTER):
        assert len(await trial.queue.receive(len(bodies), 0)) == len(bodies)
        await trial.let_pass(1.1)


@pytest.mark.anyio
class Acquittal(Suite):
    """For every queue: messages whose holders say that something else is at fault."""

    async def test_acquitting_is_answered_by_every_queue_and_harms_no_lease(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        held = await lease(trial.queue)
        assert set(await trial.queue.acquit([held.handle])) <= {held.handle}
        assert await trial.queue.receive(1, 0) == []
        assert await trial.queue.delete([held.handle]) == []


@pytest.mark.anyio
class Suspects(Counted):
    """For a queue that finds the message which kills its holders."""

    async def test_a_suspect_is_received_alone(self, trial: Trial) -> None:
        await make_suspects(trial, b"1", b"2")
        await trial.queue.send([b"3", b"4"])
        assert bodies_of(await trial.queue.receive(10, 0)) == [b"1"]
        assert bodies_of(await trial.queue.receive(10, 0)) == [b"3", b"4"]

    async def test_a_suspect_waits_while_another_is_on_lease(self, trial: Trial) -> None:
        await make_suspects(trial, b"1", b"2")
        first = await lease(trial.queue)
        assert await trial.queue.receive(10, 0) == []
        assert await trial.queue.depth() == Depth(ready=1, leased=1, dead=0)
        await trial.queue.delete([first.handle])
        assert bodies_of(await trial.queue.receive(10, 0)) == [b"2"]

    async def test_of_suspects_the_one_with_the_fewest_strikes_is_received_first(self, trial: Trial) -> None:
        await make_suspects(trial, b"1", b"2")
        assert (await lease(trial.queue)).body == b"1"
        await trial.let_pass(1.1)
        assert (await lease(trial.queue)).body == b"2"

    async def test_a_good_message_beside_one_that_kills_is_stored_and_the_killer_is_found(
        self, trial: Trial
    ) -> None:
        good = {b"%d" % n for n in range(20)}
        await trial.queue.send([*sorted(good)[:10], b"killer", *sorted(good)[10:]])
        stored: list[bytes] = []
        for _ in range(200):
            deliveries = await trial.queue.receive(16, 0)
            if b"killer" in bodies_of(deliveries):
                await trial.let_pass(1.1)  # its holder died, with all that it held
                continue
            assert await trial.queue.delete(handles_of(deliveries)) == []
            stored += bodies_of(deliveries)
        assert sorted(stored) == sorted(good)
        assert bodies_of(await trial.queue.dead(10)) == [b"killer"]
        assert await trial.queue.depth() == Depth(ready=0, leased=0, dead=1)

    async def test_a_message_whose_holder_says_each_time_that_something_else_is_at_fault_never_dies(
        self, trial: Trial
    ) -> None:
        await trial.queue.send([b"1", b"2"])
        for _ in range(3 * trial.terms.max_receives):
            held = handles_of(await trial.queue.receive(2, 0))
            assert len(held) == 2
            assert await trial.queue.acquit(held) == []
            await trial.let_pass(1.1)
        assert await trial.queue.depth() == Depth(ready=2, leased=0, dead=0)

    async def test_a_message_that_is_handed_back_each_time_never_dies(self, trial: Trial) -> None:
        await trial.queue.send([b"1", b"2"])
        for _ in range(3 * trial.terms.max_receives):
            held = handles_of(await trial.queue.receive(2, 0))
            assert len(held) == 2
            assert await trial.queue.extend(held, 0) == []
        assert await trial.queue.depth() == Depth(ready=2, leased=0, dead=0)

    async def test_extending_a_lease_acquits_nobody(self, trial: Trial) -> None:
        (letter,) = await trial.make_dead(b"m")  # which extends each of its leases
        assert letter.receives == trial.terms.max_receives

    async def test_only_the_newest_handle_acquits_and_refusing_changes_nothing(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        stale = (await lease(trial.queue)).handle
        await trial.let_pass(1.1)
        for _ in range(trial.terms.max_receives - 1):
            await lease(trial.queue)
            assert await trial.queue.acquit([stale]) == [stale]
            await trial.let_pass(1.1)
        assert await trial.queue.depth() == Depth(ready=0, leased=0, dead=1)

    @jumps
    async def test_jumps_make_no_dead_letter_of_a_message_that_is_answered(
        self, trial: Trial, by_s: float
    ) -> None:
        await trial.queue.send([b"m"])
        for _ in range(2 * trial.terms.max_receives):
            held = await lease(trial.queue)
            trial.jump(by_s)
            assert await trial.queue.receive(1, 0) == []
            assert await trial.queue.extend([held.handle], 0) == []
            trial.jump(-by_s)
        assert await trial.queue.depth() == Depth(ready=1, leased=0, dead=0)
