"""A message that kills its holder takes few others along, by the order in which messages are given out."""

import random
from collections.abc import Sequence

import pytest

from telemetry.adapters.queue.sqs.arrivals import Arrivals
from telemetry.domain.transport.lease import SUSPECT_AFTER, Delivery, LeaseTerms

LEASE_S = 40.0
TERMS = LeaseTerms()


def a_delivery(name: str, strikes: int = 0) -> Delivery:
    return Delivery(name, b"", 0, strikes + 1)


def a_suspect(name: str, strikes: int = SUSPECT_AFTER) -> Delivery:
    return a_delivery(name, strikes)


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals(LEASE_S)


def names(deliveries: Sequence[Delivery]) -> list[str]:
    return [each.handle for each in deliveries]


def test_what_came_first_goes_first(arrivals: Arrivals):
    arrivals.add(map(a_delivery, "abc"), 0)
    assert names(arrivals.take(2, 0)) == ["a", "b"]
    assert names(arrivals.take(2, 0)) == ["c"]
    assert not arrivals.are_enough(0)


def test_a_suspect_is_given_out_alone_and_only_while_nothing_else_is_held(arrivals: Arrivals):
    arrivals.add([a_suspect("s"), a_delivery("a"), a_suspect("t")], 0)
    assert arrivals.are_enough(0)
    assert names(arrivals.take(10, 0)) == ["a"]
    assert names(arrivals.take(10, 0)) == []
    arrivals.settled(["a"])
    assert names(arrivals.take(10, 0)) == ["s"]
    arrivals.add([a_delivery("b")], 1)  # of a poll that was under way
    assert names(arrivals.take(10, 1)) == []
    arrivals.settled(["s"])
    assert names(arrivals.take(10, 1)) == ["b"]
    arrivals.settled(["b"])
    assert names(arrivals.take(10, 1)) == ["t"]
    assert arrivals.are_enough(1)
    arrivals.settled(["t"])
    assert not arrivals.are_enough(1)
    assert len(arrivals) == 0


def test_of_suspects_the_one_with_the_fewest_leases_goes_first(arrivals: Arrivals):
    arrivals.add([a_suspect("often", 7), a_suspect("seldom", 2)], 0)
    assert names(arrivals.take(10, 0)) == ["seldom"]


def test_where_nothing_is_settled_suspects_go_as_others_do_after_a_quarter_of_a_lease(arrivals: Arrivals):
    arrivals.add([a_delivery("a"), a_suspect("s"), a_suspect("t")], 0)
    assert names(arrivals.take(10, 0)) == ["a"]
    assert arrivals.changes_s(0) == LEASE_S / 4
    assert names(arrivals.take(10, LEASE_S / 4 - 1)) == []
    assert names(arrivals.take(10, LEASE_S / 4)) == ["s", "t"]
    assert not arrivals.are_enough(LEASE_S / 4)


def test_a_suspect_whose_holder_does_not_settle_it_stops_the_others_for_a_quarter_of_a_lease(
    arrivals: Arrivals,
):
    arrivals.add([a_suspect("s")], 0)
    assert names(arrivals.take(10, 0)) == ["s"]
    arrivals.add([a_delivery("a")], 1)
    assert names(arrivals.take(10, 2)) == []
    assert arrivals.changes_s(2) == LEASE_S / 4
    assert names(arrivals.take(10, LEASE_S / 4)) == ["a"]


def test_what_waited_for_half_of_its_lease_is_dropped(arrivals: Arrivals):
    arrivals.add([a_delivery("a"), a_suspect("s")], 0)
    assert names(arrivals.take(10, LEASE_S / 2 + 1)) == []
    assert len(arrivals) == 0


def test_what_nobody_took_is_returned_at_the_end(arrivals: Arrivals):
    arrivals.add([a_delivery("a"), a_delivery("b"), a_suspect("s")], 0)
    arrivals.take(1, 0)
    assert names(arrivals.clear()) == ["b", "s"]
    assert len(arrivals) == 0


@pytest.mark.parametrize("seed", range(20))
def test_a_message_that_kills_each_holder_makes_a_dead_letter_of_no_other(seed: int):
    """Each death costs a lease of all that is held or waits; what was stored before it is out of danger."""
    draw = random.Random(seed)
    leases = dict.fromkeys([*map(str, range(100)), "killer"], 0)
    while leases["killer"] < TERMS.max_receives:
        arrivals = Arrivals(LEASE_S)
        is_alive = True
        while is_alive:
            came = draw.sample(sorted(leases), min(10, len(leases)))
            leases |= {name: leases[name] + 1 for name in came}
            arrivals.add([a_delivery(name, leases[name] - 1) for name in came], 0)
            while is_alive and (taken := names(arrivals.take(16, 0))):
                is_alive = "killer" not in taken
                if is_alive:
                    arrivals.settled(taken)
                    leases = {name: count for name, count in leases.items() if name not in taken}
    assert all(count < TERMS.max_receives for name, count in leases.items() if name != "killer")
