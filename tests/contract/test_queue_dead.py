"""What every queue promises of dead letters, in the words of `telemetry.domain.transport.lease`."""

from telemetry.domain.transport.lease import Depth
from tests.builders import bodies_of
from tests.contract.timed import handles_of, lease


async def test_a_message_leased_as_often_as_it_may_be_becomes_a_dead_letter(every):
    (letter,) = await every.make_dead(b"poison")
    assert (letter.body, letter.receives) == (b"poison", every.terms.max_receives)
    assert await every.queue.receive(1, 0) == []


async def test_a_dead_letter_does_not_hold_up_messages_behind_it(every):
    await every.make_dead(b"poison")
    await every.queue.send([b"m"])
    assert (await lease(every.queue)).body == b"m"


async def test_what_will_not_be_leased_again_is_dead_before_anybody_meets_it(exact):
    await exact.queue.send([b"poison"])
    for _ in range(exact.terms.max_receives):
        assert await exact.queue.depth() == Depth(ready=1, leased=0, dead=0)
        await lease(exact.queue)
        assert await exact.queue.depth() == Depth(ready=0, leased=1, dead=0)
        await exact.let_pass(1.1)
    assert await exact.queue.depth() == Depth(ready=0, leased=0, dead=1)
    assert bodies_of(await exact.queue.dead(10)) == [b"poison"]


async def test_new_dead_letters_are_a_warning_with_their_count(exact, caplog):
    await exact.make_dead(b"poison")
    (line,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert line.getMessage() == (
        "New dead letters: 1, each on lease 3 times without an answer; see telemetry dead-letters list"
    )


async def test_dead_letters_are_shown_the_oldest_first_and_up_to_a_limit(exact):
    letters = await exact.make_dead(b"1", b"2", b"3")
    assert bodies_of(letters) == [b"1", b"2", b"3"]
    assert await exact.queue.dead(2) == letters[:2]


async def test_a_dead_letter_is_neither_deleted_nor_extended_by_its_handle(exact):
    handles = handles_of(await exact.make_dead(b"m"))
    assert await exact.queue.delete(handles) == handles
    assert await exact.queue.extend(handles, 0) == handles
    assert await exact.queue.depth() == Depth(ready=0, leased=0, dead=1)


async def test_a_redriven_dead_letter_is_sent_anew_under_the_time_at_which_it_was_first_sent(every):
    (letter,) = await every.make_dead(b"m")
    assert await every.queue.redrive([letter.handle]) == []
    again = await lease(every.queue)
    assert (again.body, again.sent_ms, again.receives) == (b"m", letter.sent_ms, 1)
    assert await every.queue.dead(1) == []


async def test_a_redriven_dead_letter_goes_behind_what_waits_already(exact):
    (letter,) = await exact.make_dead(b"old")
    await exact.queue.send([b"new"])
    await exact.queue.redrive([letter.handle])
    assert bodies_of(await exact.queue.receive(2, 0)) == [b"new", b"old"]


async def test_a_dead_letter_is_redriven_once_however_often_it_is_named(exact):
    (letter,) = await exact.make_dead(b"m")
    assert await exact.queue.redrive([letter.handle, letter.handle]) == [letter.handle]
    assert await exact.queue.redrive([letter.handle]) == [letter.handle]
    assert await exact.queue.depth() == Depth(ready=1, leased=0, dead=0)


async def test_only_dead_letters_are_redriven(exact):
    await exact.queue.send([b"m"])
    leased = await lease(exact.queue)
    assert await exact.queue.redrive([leased.handle]) == [leased.handle]
    assert await exact.queue.depth() == Depth(ready=0, leased=1, dead=0)


async def test_depth_counts_what_is_to_be_received_on_lease_and_dead(exact):
    await exact.make_dead(b"dead")
    await exact.queue.send([b"1", b"2", b"3"])
    await exact.queue.receive(2, 0)
    assert await exact.queue.depth() == Depth(ready=1, leased=2, dead=1)
    await exact.let_pass(1.1)
    assert await exact.queue.depth() == Depth(ready=3, leased=0, dead=1)
