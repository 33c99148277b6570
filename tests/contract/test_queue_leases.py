"""What every queue promises of leases, in the words of `telemetry.domain.transport.lease`."""

import pytest

from telemetry.domain.transport.lease import Depth
from tests.builders import bodies_of
from tests.contract.timed import handles_of, lease


async def test_to_receive_is_to_lease_so_that_nobody_else_receives_the_message(every):
    await every.queue.send([b"m"])
    await lease(every.queue)
    assert await every.queue.receive(1, 0) == []
    await every.let_pass(0.6)
    assert await every.queue.receive(1, 0) == []


async def test_after_its_lease_a_message_is_visible_again_with_another_handle(every):
    await every.queue.send([b"m"])
    first = await lease(every.queue)
    await every.let_pass(1.1)
    second = await lease(every.queue)
    assert (first.body, first.receives) == (b"m", 1)
    assert (second.body, second.receives) == (b"m", 2)
    assert second.handle != first.handle


async def test_a_message_handed_back_keeps_its_place_in_the_order(exact):
    await exact.queue.send([b"1", b"2", b"3"])
    first = await lease(exact.queue)
    await exact.queue.extend([first.handle], 0)
    assert bodies_of(await exact.queue.receive(3, 0)) == [b"1", b"2", b"3"]


async def test_only_the_newest_handle_deletes_and_refusing_changes_nothing(exact):
    await exact.queue.send([b"m"])
    first = await lease(exact.queue)
    await exact.let_pass(1.1)
    second = await lease(exact.queue)
    assert await exact.queue.delete([first.handle]) == [first.handle]
    assert await exact.queue.depth() == Depth(ready=0, leased=1, dead=0)
    assert await exact.queue.delete([second.handle]) == []
    assert await exact.queue.depth() == Depth(0, 0, 0)


async def test_only_the_newest_handle_extends_and_refusing_changes_nothing(exact):
    await exact.queue.send([b"m"])
    first = await lease(exact.queue)
    await exact.let_pass(1.1)
    await lease(exact.queue)
    assert await exact.queue.extend([first.handle], 0) == [first.handle]
    assert await exact.queue.receive(1, 0) == []


@pytest.mark.parametrize("settle", ["delete", "hand back"])
async def test_a_handle_is_refused_once_its_lease_is_over(exact, settle):
    await exact.queue.send([b"m"])
    handles = [(await lease(exact.queue)).handle]
    await exact.let_pass(1.1)
    queue = exact.queue
    assert await (queue.delete(handles) if settle == "delete" else queue.extend(handles, 0)) == handles
    assert await queue.depth() == Depth(ready=1, leased=0, dead=0)


async def test_a_handle_that_deleted_is_refused_from_then_on(exact):
    await exact.queue.send([b"m"])
    handle = (await lease(exact.queue)).handle
    assert await exact.queue.delete([handle, handle]) == [handle]
    assert await exact.queue.extend([handle], 1) == [handle]


async def test_of_several_handles_the_refused_are_values_and_the_others_are_done(exact):
    await exact.queue.send([b"1", b"2", b"3"])
    one, two, three = handles_of(await exact.queue.receive(3, 0))
    await exact.queue.delete([two])
    assert await exact.queue.extend([one, two, three], 60) == [two]
    assert await exact.queue.delete([one, two, three]) == [two]
    assert await exact.queue.depth() == Depth(0, 0, 0)


async def test_extending_sets_the_end_of_the_lease_anew_from_now(every):
    await every.queue.send([b"m"])
    delivery = await lease(every.queue)
    await every.let_pass(0.6)
    assert await every.queue.extend([delivery.handle], every.terms.visibility_ms / 1000) == []
    await every.let_pass(0.6)
    assert await every.queue.receive(1, 0) == []
    await every.let_pass(0.6)
    assert (await lease(every.queue)).body == b"m"


async def test_extending_may_bring_the_end_of_a_lease_nearer(every):
    await every.queue.send([b"m"])
    delivery = await lease(every.queue)
    await every.queue.extend([delivery.handle], every.terms.visibility_ms / 1000 * 0.2)
    await every.let_pass(0.4)
    assert (await lease(every.queue)).body == b"m"


async def test_extending_by_nothing_hands_the_message_back_at_once(every):
    await every.queue.send([b"m"])
    delivery = await lease(every.queue)
    assert await every.queue.extend([delivery.handle], 0) == []
    assert (await lease(every.queue)).receives == 2


async def test_a_message_on_its_last_lease_can_be_deleted(every):
    await every.queue.send([b"m"])
    for _ in range(every.terms.max_receives):
        delivery = await lease(every.queue)
        await every.queue.extend([delivery.handle], every.terms.visibility_ms / 1000)
        if delivery.receives < every.terms.max_receives:
            await every.let_pass(1.1)
    assert await every.queue.delete([delivery.handle]) == []
    await every.let_pass(1.1)
    assert await every.queue.receive(1, 0) == []
    assert await every.queue.dead(1) == []
