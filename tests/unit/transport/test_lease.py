"""The model of a queue against an oracle: a list of messages, each with at most one lease."""

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from telemetry.domain.transport.lease import (
    Depth,
    LeaseTerms,
    QueueModel,
    lease_handle,
    parse_handle,
)
from tests.builders import bodies_of

TERMS = LeaseTerms(visibility_ms=100, max_receives=3)


@dataclass
class Message:
    """A message of the oracle; it is on lease while `held_until` lies ahead."""

    body: bytes
    sent: int
    held_until: int = 0
    receives: int = 0
    handle: str = ""
    dead: bool = False


class QueueModelAgainstOracle(RuleBasedStateMachine):
    handles = Bundle("handles")

    def __init__(self) -> None:
        super().__init__()
        self.model = QueueModel(TERMS)
        self.now = 1000
        self.queue: list[Message] = []
        self.number = 0

    def ready(self) -> list[Message]:
        return [each for each in self.queue if not each.dead and each.held_until <= self.now]

    def holder(self, handle: str) -> Message | None:
        """Find the message whose newest lease has this handle and lasts."""
        held = (each for each in self.queue if not each.dead and each.held_until > self.now)
        return next((each for each in held if each.handle == handle), None)

    @rule(count=st.integers(0, 4))
    def send(self, count):
        bodies = [b"%d" % (self.number + offset) for offset in range(count)]
        self.number += count
        self.model.send(bodies, self.now)
        self.queue += [Message(body, self.now) for body in bodies]

    @rule(target=handles, limit=st.integers(0, 5))
    def receive(self, limit):
        deliveries = self.model.receive(limit, self.now)
        expected: list[Message] = []
        for each in self.ready():
            if len(expected) == limit:
                break
            if each.receives == TERMS.max_receives:
                each.dead = True
            else:
                expected.append(each)
        assert [delivery.body for delivery in deliveries] == [each.body for each in expected]
        for each, delivery in zip(expected, deliveries, strict=True):
            each.receives += 1
            each.held_until = self.now + TERMS.visibility_ms
            each.handle = delivery.handle
            assert (delivery.sent_ms, delivery.receives) == (each.sent, each.receives)
        return multiple(*(delivery.handle for delivery in deliveries))

    @rule(duration_ms=st.sampled_from([1, 50, 99, 100, 101, 500]))
    def wait(self, duration_ms):
        self.now += duration_ms

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
            held.held_until = self.now + duration

    @rule(position=st.integers(0, 3), again=st.booleans())
    def redrive(self, position, again):
        letters = self.model.dead(10)
        if position >= len(letters):
            return
        handle = letters[position].handle
        assert self.model.redrive([handle] * (1 + again), self.now) == [handle] * again
        dead = next(each for each in self.queue if each.dead and each.body == letters[position].body)
        self.queue.remove(dead)
        self.queue.append(Message(dead.body, dead.sent))

    @rule(handle=handles)
    def redrive_what_lives(self, handle):
        if any(letter.handle == handle for letter in self.model.dead(100)):
            return
        assert self.model.redrive([handle], self.now) == [handle]

    @invariant()
    def nothing_is_lost(self):
        dead = sum(each.dead for each in self.queue)
        ready = len(self.ready())
        assert self.model.depth(self.now) == Depth(ready, len(self.queue) - ready - dead, dead)

    @invariant()
    def the_dead_are_shown_in_their_order(self):
        dead = [(each.body, each.sent, each.receives) for each in self.queue if each.dead]
        shown = self.model.dead(100)
        assert [(letter.body, letter.sent_ms, letter.receives) for letter in shown] == dead
        assert self.model.dead(1) == shown[:1]

    @invariant()
    def it_is_known_when_a_lease_ends_next(self):
        ends = [each.held_until for each in self.queue if not each.dead and each.held_until > self.now]
        assert self.model.next_visible(self.now) == min(ends, default=None)

    @invariant()
    def no_two_leases_share_a_handle(self):
        live = [each.handle for each in self.queue if each.held_until > self.now]
        assert len(live) == len(set(live))


QueueModelAgainstOracle.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
test_the_model_keeps_its_rules = QueueModelAgainstOracle.TestCase


@pytest.fixture
def model() -> QueueModel:
    model = QueueModel(TERMS)
    model.send([b"a", b"b", b"c"], now_ms=0)
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
    model.send([b"poison", b"good"], now_ms=7)
    for turn in range(3):
        poison = model.receive(1, 100 * turn + 7)[0]
        assert (poison.body, poison.receives) == (b"poison", turn + 1)
    assert bodies_of(model.receive(1, 307)) == [b"good"]  # becoming a dead letter does not count as receiving
    (letter,) = model.dead(10)
    assert (letter.body, letter.sent_ms, letter.receives) == (b"poison", 7, 3)
    assert model.delete([letter.handle], 307) == [letter.handle]
    assert model.extend([letter.handle], 100, 307) == [letter.handle]
    assert model.redrive([letter.handle, "99:1"], 307) == ["99:1"]
    assert model.dead(10) == []
    (again,) = model.receive(10, 307)
    assert (again.body, again.sent_ms, again.receives) == (b"poison", 7, 1)
    assert again.handle != letter.handle


def test_only_the_handle_of_its_last_lease_redrives_a_dead_letter():
    model = QueueModel(TERMS)
    model.send([b"poison"], now_ms=0)
    (first,) = model.receive(1, 0)
    for turn in (1, 2, 3):
        model.receive(1, 100 * turn)
    assert model.redrive([first.handle], 400) == [first.handle]
    assert [letter.receives for letter in model.dead(1)] == [3]


def test_a_handle_reads_back_as_the_lease_that_it_names():
    assert parse_handle(lease_handle(12, 3)) == (12, 3)


@pytest.mark.parametrize("text", ["", "x", "1", "1:", ":1", "1:x", "1:2:3"])
def test_what_is_no_handle_raises_value_error(text):
    with pytest.raises(ValueError, match="invalid literal"):
        parse_handle(text)
