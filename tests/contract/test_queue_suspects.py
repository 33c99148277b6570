"""What every queue promises of messages whose holders died, in the words of `domain.transport.lease`."""

from telemetry.domain.transport.lease import SUSPECT_AFTER, Depth
from tests.builders import bodies_of
from tests.contract.timed import TimedQueue, handles_of, lease


async def make_suspects(timed: TimedQueue, *bodies: bytes) -> None:
    """Send bodies, and lease all of them as often as a suspect was leased, without an answer."""
    await timed.queue.send(list(bodies))
    for _ in range(SUSPECT_AFTER):
        assert len(await timed.queue.receive(len(bodies), 0)) == len(bodies)
        await timed.let_pass(1.1)


async def test_a_suspect_is_received_alone(exact):
    await make_suspects(exact, b"1", b"2")
    await exact.queue.send([b"3", b"4"])
    assert bodies_of(await exact.queue.receive(10, 0)) == [b"1"]
    assert bodies_of(await exact.queue.receive(10, 0)) == [b"3", b"4"]


async def test_a_suspect_waits_while_another_is_on_lease(exact):
    await make_suspects(exact, b"1", b"2")
    first = await lease(exact.queue)
    assert await exact.queue.receive(10, 0) == []
    assert await exact.queue.depth() == Depth(ready=1, leased=1, dead=0)
    await exact.queue.delete([first.handle])
    assert bodies_of(await exact.queue.receive(10, 0)) == [b"2"]


async def test_of_suspects_the_one_with_the_fewest_strikes_is_received_first(exact):
    await make_suspects(exact, b"1", b"2")
    assert (await lease(exact.queue)).body == b"1"
    await exact.let_pass(1.1)
    assert (await lease(exact.queue)).body == b"2"


async def test_a_good_message_beside_one_that_kills_is_stored_and_the_killer_is_found(exact):
    good = {b"%d" % n for n in range(20)}
    await exact.queue.send([*sorted(good)[:10], b"killer", *sorted(good)[10:]])
    stored: list[bytes] = []
    for _ in range(200):
        deliveries = await exact.queue.receive(16, 0)
        if b"killer" in bodies_of(deliveries):
            await exact.let_pass(1.1)  # its holder died, with all that it held
            continue
        assert await exact.queue.delete(handles_of(deliveries)) == []
        stored += bodies_of(deliveries)
    assert sorted(stored) == sorted(good)
    assert bodies_of(await exact.queue.dead(10)) == [b"killer"]
    assert await exact.queue.depth() == Depth(ready=0, leased=0, dead=1)


async def test_a_message_whose_holder_says_each_time_that_something_else_is_at_fault_never_dies(exact):
    await exact.queue.send([b"1", b"2"])
    for _ in range(3 * exact.terms.max_receives):
        held = handles_of(await exact.queue.receive(2, 0))
        assert len(held) == 2
        assert await exact.queue.acquit(held) == []
        await exact.let_pass(1.1)
    assert await exact.queue.depth() == Depth(ready=2, leased=0, dead=0)


async def test_a_message_that_is_handed_back_each_time_never_dies(exact):
    await exact.queue.send([b"1", b"2"])
    for _ in range(3 * exact.terms.max_receives):
        held = handles_of(await exact.queue.receive(2, 0))
        assert len(held) == 2
        assert await exact.queue.extend(held, 0) == []
    assert await exact.queue.depth() == Depth(ready=2, leased=0, dead=0)


async def test_extending_a_lease_acquits_nobody(exact):
    (letter,) = await exact.make_dead(b"m")  # which extends each of its leases
    assert letter.receives == exact.terms.max_receives


async def test_only_the_newest_handle_acquits_and_refusing_changes_nothing(exact):
    await exact.queue.send([b"m"])
    stale = (await lease(exact.queue)).handle
    await exact.let_pass(1.1)
    for _ in range(exact.terms.max_receives - 1):
        await lease(exact.queue)
        assert await exact.queue.acquit([stale]) == [stale]
        await exact.let_pass(1.1)
    assert await exact.queue.depth() == Depth(ready=0, leased=0, dead=1)


async def test_acquitting_is_answered_by_every_queue_and_harms_no_lease(every):
    await every.queue.send([b"m"])
    held = await lease(every.queue)
    assert set(await every.queue.acquit([held.handle])) <= {held.handle}
    assert await every.queue.receive(1, 0) == []
    assert await every.queue.delete([held.handle]) == []
