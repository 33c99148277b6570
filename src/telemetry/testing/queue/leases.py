"""The laws of leases, in the words of `telemetry.domain.transport.lease`."""

import pytest

from telemetry.domain.transport.lease import Depth
from telemetry.testing.queue.counts import Counted
from telemetry.testing.queue.trial import Suite, Trial, handles_of, lease


@pytest.mark.anyio
class Leases(Suite):
    """For every queue: leases."""

    async def test_to_receive_is_to_lease_so_that_nobody_else_receives_the_message(
        self, trial: Trial
    ) -> None:
        await trial.queue.send([b"m"])
        await lease(trial.queue)
        assert await trial.queue.receive(1, 0) == []
        await trial.let_pass(0.6)
        assert await trial.queue.receive(1, 0) == []

    async def test_after_its_lease_a_message_is_visible_again_with_another_handle(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        first = await lease(trial.queue)
        await trial.let_pass(1.1)
        second = await lease(trial.queue)
        assert (first.body, first.receives) == (b"m", 1)
        assert (second.body, second.receives) == (b"m", 2)
        assert second.handle != first.handle

    async def test_extending_sets_the_end_of_the_lease_anew_from_now(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        delivery = await lease(trial.queue)
        await trial.let_pass(0.6)
        assert await trial.queue.extend([delivery.handle], trial.terms.visibility_ms / 1000) == []
        await trial.let_pass(0.6)
        assert await trial.queue.receive(1, 0) == []
        await trial.let_pass(0.6)
        assert (await lease(trial.queue)).body == b"m"

    async def test_extending_may_bring_the_end_of_a_lease_nearer(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        delivery = await lease(trial.queue)
        await trial.queue.extend([delivery.handle], trial.terms.visibility_ms / 1000 * 0.2)
        await trial.let_pass(0.4)
        assert (await lease(trial.queue)).body == b"m"

    async def test_extending_by_nothing_hands_the_message_back_at_once(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        delivery = await lease(trial.queue)
        assert await trial.queue.extend([delivery.handle], 0) == []
        assert (await lease(trial.queue)).receives == 2

    async def test_a_message_on_its_last_lease_can_be_deleted(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        for _ in range(trial.terms.max_receives):
            delivery = await lease(trial.queue)
            await trial.queue.extend([delivery.handle], trial.terms.visibility_ms / 1000)
            if delivery.receives < trial.terms.max_receives:
                await trial.let_pass(1.1)
        assert await trial.queue.delete([delivery.handle]) == []
        await trial.let_pass(1.1)
        assert await trial.queue.receive(1, 0) == []
        assert await trial.queue.dead(1) == []


@pytest.mark.anyio
class Fenced(Counted):
    """For a queue that does nothing for the holder of a lease that is over."""

    async def test_only_the_newest_handle_deletes_and_refusing_changes_nothing(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        first = await lease(trial.queue)
        await trial.let_pass(1.1)
        second = await lease(trial.queue)
        assert await trial.queue.delete([first.handle]) == [first.handle]
        assert await trial.queue.depth() == Depth(ready=0, leased=1, dead=0)
        assert await trial.queue.delete([second.handle]) == []
        assert await trial.queue.depth() == Depth(0, 0, 0)

    async def test_only_the_newest_handle_extends_and_refusing_changes_nothing(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        first = await lease(trial.queue)
        await trial.let_pass(1.1)
        await lease(trial.queue)
        assert await trial.queue.extend([first.handle], 0) == [first.handle]
        assert await trial.queue.receive(1, 0) == []

    @pytest.mark.parametrize("settle", ["delete", "hand back"])
    async def test_a_handle_is_refused_once_its_lease_is_over(self, trial: Trial, settle: str) -> None:
        await trial.queue.send([b"m"])
        handles = [(await lease(trial.queue)).handle]
        await trial.let_pass(1.1)
        queue = trial.queue
        assert await (queue.delete(handles) if settle == "delete" else queue.extend(handles, 0)) == handles
        assert await queue.depth() == Depth(ready=1, leased=0, dead=0)

    async def test_a_handle_that_deleted_is_refused_from_then_on(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        handle = (await lease(trial.queue)).handle
        assert await trial.queue.delete([handle, handle]) == [handle]
        assert await trial.queue.extend([handle], 1) == [handle]

    async def test_of_several_handles_the_refused_are_values_and_the_others_are_done(
        self, trial: Trial
    ) -> None:
        await trial.queue.send([b"1", b"2", b"3"])
        one, two, three = handles_of(await trial.queue.receive(3, 0))
        await trial.queue.delete([two])
        assert await trial.queue.extend([one, two, three], 60) == [two]
        assert await trial.queue.delete([one, two, three]) == [two]
        assert await trial.queue.depth() == Depth(0, 0, 0)

    async def test_a_dead_letter_is_neither_deleted_nor_extended_by_its_handle(self, trial: Trial) -> None:
        handles = handles_of(await trial.make_dead(b"m"))
        assert await trial.queue.delete(handles) == handles
        assert await trial.queue.extend(handles, 0) == handles
        assert await trial.queue.depth() == Depth(ready=0, leased=0, dead=1)

    async def test_a_dead_letter_is_redriven_once_however_often_it_is_named(self, trial: Trial) -> None:
        (letter,) = await trial.make_dead(b"m")
        assert await trial.queue.redrive([letter.handle, letter.handle]) == [letter.handle]
        assert await trial.queue.redrive([letter.handle]) == [letter.handle]
        assert await trial.queue.depth() == Depth(ready=1, leased=0, dead=0)

    async def test_only_dead_letters_are_redriven(self, trial: Trial) -> None:
        await trial.queue.send([b"m"])
        leased = await lease(trial.queue)
        assert await trial.queue.redrive([leased.handle]) == [leased.handle]
        assert await trial.queue.depth() == Depth(ready=0, leased=1, dead=0)
