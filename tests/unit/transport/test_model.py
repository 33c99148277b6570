"""The model of a queue against an oracle: a list of messages, each with at most one lease."""

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from telemetry.domain.transport.lease import SUSPECT_AFTER, Depth, LeaseTerms
from telemetry.domain.transport.model import QueueModel
from tests.builders import NOW, bodies_of

TERMS = LeaseTerms(visibility_ms=100, max_receives=4)
BOOT = 10_000
"""How long the machine had been up before it was started anew, in milliseconds."""


@dataclass
class Message:
    """A message of the oracle; it is on lease from `held_since` while `held_until` lies ahead."""

    body: bytes
    sent: int
    held_since: int = 0
    held_until: int = 0
    receives: int = 0
    strikes: int = 0
    handle: str = ""
    dead: bool = False


class QueueModelAgainstOracle(RuleBasedStateMachine):
    handles = Bundle("handles")

    def __init__(self) -> None:
        super().__init__()
        self.model = QueueModel(TERMS)
        self.now = BOOT
        self.queue: list[Message] = []
        self.number = 0

    def leased(self) -> list[Message]:
        return [
            each for each in self.queue if not each.dead and each.held_since <= self.now < each.held_until
        ]

    def ready(self) -> list[Message]:
        leased = self.leased()
        return [
            each
            for each in self.queue
            if not each.dead and each not in leased and each.strikes < TERMS.max_receives
        ]

    def receivable(self) -> list[Message]:
        suspects = [each for each in self.ready() if each.strikes >= SUSPECT_AFTER]
        if suspects and not any(each.strikes > SUSPECT_AFTER for each in self.leased()):
            return [min(suspects, key=lambda each: each.strikes)]
        return [each for each in self.ready() if each.strikes < SUSPECT_AFTER]

    def bury(self) -> None:
        leased = self.leased()
        for each in self.queue:
            each.dead |= each not in leased and each.strikes >= TERMS.max_receives

    def holder(self, handle: str) -> Message | None:
        """Find the message whose newest lease has this handle and lasts."""
        return next((each for each in self.leased() if each.handle == handle), None)

    @rule(count=st.integers(0, 4))
    def send(self, count):
        bodies = [b"%d" % (self.number + offset) for offset in range(count)]
        self.number += count
        self.model.send(bodies, NOW)
        self.queue += [Message(body, NOW) for body in bodies]

    @rule(target=handles, limit=st.integers(0, 5))
    def receive(self, limit):
        deliveries = self.model.receive(limit, self.now)
        self.bury()
        expected = self.receivable()[:limit]
        assert [delivery.body for delivery in deliveries] == [each.body for each in expected]
        for each, delivery in zip(expected, deliveries, strict=True):
            each.receives += 1
            each.strikes += 1
            each.held_since, each.held_until = self.now, self.now + TERMS.visibility_ms
            each.handle = delivery.handle
            assert (delivery.sent_ms, delivery.receives) == (each.sent, each.receives)
        return multiple(*(delivery.handle for delivery in deliveries))

    @rule(duration_ms=st.sampled_from([1, 50, 99, 100, 101, 500]))
    def wait(self, duration_ms):
        self.now += duration_ms

    @rule()
    def start_the_machine_anew(self):
        self.now = 0

    @rule(handle=handles)
    def delete(self, handle):
        held = self.holder(handle)
        assert self.model.delete([handle], self.now) == ([] if held else [handle])
        if held:
            self.queue.remove(held)

    @rule(handle=consumes(handles), other=handles)
    def delete_some_and_one_of_them_twice(self, handle, other):
        expected = []
        for each in (handle, other, handle):
            if held := self.holder(each):
                self.queue.remove(held)
            else:
                expected.append(each)
        assert self.model.delete([handle, other, handle], self.now) == expected

    @rule(handle=handles, duration=st.sampled_from([0, 1, 100, 1000]))
    def extend(self, handle, duration):
        held = self.holder(handle)
        assert self.model.extend([handle], duration, self.now) == ([] if held else [handle])
        if held:
            held.held_since, held.held_until = self.now, self.now + duration
            held.strikes = held.strikes if duration else 0

    @rule(handle=handles)
    def acquit(self, handle):
        held = self.holder(handle)
        assert self.model.acquit([handle], self.now) == ([] if held else [handle])
        if held:
            held.strikes = 0

    @rule(position=st.integers(0, 3), again=st.booleans())
    def redrive(self, position, again):
        self.bury()
        letters = self.model.dead(10, self.now)
        if position >= len(letters):
            return
        handle = letters[position].handle
        assert self.model.redrive([handle] * (1 + again)) == [handle] * again
        dead = next(each for each in self.queue if each.dead and each.body == letters[position].body)
        self.queue.remove(dead)
        self.queue.append(Message(dead.body, dead.sent))

    @rule(handle=handles)
    def redrive_what_lives(self, handle):
        self.bury()
        if any(letter.handle == handle for letter in self.model.dead(100, self.now)):
            return
        assert self.model.redrive([handle]) == [handle]

    @invariant()
    def nothing_is_lost(self):
        ready, leased = len(self.ready()), len(self.leased())
        assert self.model.depth(self.now) == Depth(ready, leased, len(self.queue) - ready - leased)

    @invariant()
    def the_dead_are_shown_in_their_order(self):
        self.bury()
        dead = [(each.body, each.sent, each.receives) for each in self.queue if each.dead]
        shown = self.model.dead(100, self.now)
        assert [(letter.body, letter.sent_ms, letter.receives) for letter in shown] == dead
        assert self.model.dead(1, self.now) == shown[:1]

    @invariant()
    def it_is_known_when_a_lease_ends_next(self):
        ends = [each.held_until for each in self.leased()]
        assert self.model.next_ready(self.now) == min(ends, default=None)

    @invariant()
    def no_two_leases_share_a_handle(self):
        live = [each.handle for each in self.leased()]
        assert len(live) == len(set(live))


QueueModelAgainstOracle.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
test_the_model_keeps_its_rules = QueueModelAgainstOracle.TestCase


@pytest.fixture
def model() -> QueueModel:
    model = QueueModel(TERMS)
    model.send([b"a", b"b", b"c"], NOW)
    return model


def test_messages_are_received_in_the_order_in_which_they_were_sent(model):
    assert bodies_of(model.receive(2, 0)) == [b"a", b"b"]
    assert bodies_of(model.receive(2, 0)) == [b"c"]
    assert model.receive(2, 0) == []


def test_a_leased_message_is_received_again_when_its_lease_ends_and_not_before(model):
    model.receive(3, 0)
    assert model.receive(3, 99) == []
    assert bodies_of(model.receive(3, 100)) == [b"a", b"b", b"c"]


def test_a_handle_is_good_until_its_lease_ends(model):
    early, late, _ = model.receive(3, 0)
    assert model.delete([early.handle], 99) == []
    assert model.delete([late.handle], 100) == [late.handle]
    assert bodies_of(model.receive(3, 100)) == [b"b", b"c"]


def test_a_holder_who_comes_too_late_cannot_harm_the_next_one(model):
    (stale,) = model.receive(1, 0)
    newest = model.receive(3, 100)[0]
    assert newest.body == stale.body
    assert model.delete([stale.handle], 101) == [stale.handle]
    assert model.extend([stale.handle], 0, 101) == [stale.handle]
    assert model.receive(1, 101) == []
    assert model.delete([newest.handle], 101) == []


def test_extending_by_nothing_hands_a_message_back_to_its_old_place(model):
    first = model.receive(1, 0)[0]
    assert model.extend([first.handle], 0, 5) == []
    assert bodies_of(model.receive(3, 5)) == [b"a", b"b", b"c"]


def test_extending_counts_from_now(model):
    first = model.receive(1, 0)[0]
    model.extend([first.handle], 20, 50)
    assert bodies_of(model.receive(3, 69)) == [b"b", b"c"]
    assert bodies_of(model.receive(3, 70)) == [b"a"]


def test_a_message_that_had_its_share_of_leases_is_dead_and_can_be_redriven():
    model = QueueModel(TERMS)
    model.send([b"poison", b"good"], NOW)
    for turn in range(TERMS.max_receives):
        poison = model.receive(1, 100 * turn)[0]
        assert (poison.body, poison.receives) == (b"poison", turn + 1)
    assert bodies_of(model.receive(1, 400)) == [b"good"]  # becoming a dead letter does not count as receiving
    (letter,) = model.dead(10, 400)
    assert (letter.body, letter.sent_ms, letter.receives) == (b"poison", NOW, 4)
    assert model.delete([letter.handle], 400) == [letter.handle]
    assert model.extend([letter.handle], 100, 400) == [letter.handle]
    assert model.acquit([letter.handle], 400) == [letter.handle]
    assert model.redrive([letter.handle, "99:1"]) == ["99:1"]
    assert model.dead(10, 400) == []
    (again,) = model.receive(10, 400)
    assert (again.body, again.sent_ms, again.receives) == (b"poison", NOW, 1)
    assert again.handle != letter.handle


def test_only_the_handle_of_its_last_lease_redrives_a_dead_letter():
    model = QueueModel(TERMS)
    model.send([b"poison"], NOW)
    (first,) = model.receive(1, 0)
    for turn in (1, 2, 3):
        model.receive(1, 100 * turn)
    assert [letter.receives for letter in model.dead(1, 400)] == [4]
    assert model.redrive([first.handle]) == [first.handle]


def test_burying_says_how_many_and_once():
    model = QueueModel(LeaseTerms(visibility_ms=100, max_receives=1))
    model.send([b"a", b"b", b"c"], NOW)
    model.receive(2, 0)
    assert [model.bury(99), model.bury(100), model.bury(101)] == [0, 2, 0]


def test_every_message_is_shown_with_what_it_waits_for():
    model = QueueModel(LeaseTerms(visibility_ms=100, max_receives=1))
    model.send([b"dead"], NOW)
    model.receive(1, 0)
    model.send([b"leased", b"ready"], NOW + 1)
    model.receive(1, 100)
    shown = [(b"dead", NOW, "dead"), (b"leased", NOW + 1, "leased"), (b"ready", NOW + 1, "ready")]
    assert list(model.messages(100)) == shown
