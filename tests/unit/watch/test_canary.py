"""A canary's records are counted by themselves: lost, twice, and how late."""

import pytest

from telemetry.domain.contract.record import Record
from telemetry.domain.store import objects
from telemetry.domain.store.objects import LineFaults
from telemetry.domain.transport.parcel import Parcel
from telemetry.domain.watch.canary import PLACE, Canary
from tests.builders import NOW


def records(parcel: Parcel) -> list[Record]:
    return [each for _, each in objects.decode_records(parcel.lines.splitlines(), LineFaults())]


@pytest.fixture
def canary() -> Canary:
    return Canary("canary-1")


def send(canary: Canary, at_ms: int) -> list[Record]:
    sent = records(canary.make(at_ms))
    canary.accepted(at_ms)
    return sent


def test_what_is_accepted_and_found_is_not_lost(canary: Canary):
    canary.found(send(canary, NOW), NOW + 1500)
    found = canary.report(NOW + 3_000_000, None)
    assert (found.accepted, found.lost, found.duplicates, found.p95_s) == (1, 0, 0, 1.5)


def test_one_that_is_missing_for_a_minute_is_lost_for_an_hour_or_until_it_is_found(canary: Canary):
    missing = send(canary, NOW)
    canary.found(send(canary, NOW + 1000), NOW + 3000)
    assert canary.report(NOW + 60_000, None).lost == 0
    assert canary.report(NOW + 60_001, None).lost == 1
    canary.found(missing, NOW + 90_000)
    assert canary.report(NOW + 90_000, None).lost == 0
    send(canary, NOW + 100_000)
    assert canary.report(NOW + 3_000_000, None).lost == 1
    assert canary.report(NOW + 3_700_001, None).lost == 0


def test_what_may_be_in_the_queue_is_not_lost(canary: Canary):
    send(canary, NOW)
    assert canary.report(NOW + 600_000, NOW + 1000).lost == 0
    assert canary.report(NOW + 600_000, NOW + 1001).lost == 1


def test_what_was_not_accepted_is_not_missed(canary: Canary):
    canary.make(NOW)
    assert canary.report(NOW + 600_000, None) == canary.report(NOW, None)


def test_what_is_found_before_its_acceptance_is_known_is_not_missed(canary: Canary):
    canary.found(records(canary.make(NOW)), NOW)
    canary.accepted(NOW)
    assert canary.report(NOW + 600_000, None).lost == 0


def test_one_that_is_found_again_is_a_duplicate_and_those_of_others_are_theirs(canary: Canary):
    sent = send(canary, NOW)
    canary.found(sent, NOW)
    canary.found(sent, NOW)
    canary.found(records(Canary("canary-2").make(NOW)), NOW)
    assert canary.report(NOW, None).duplicates == 1


def test_only_the_latest_are_remembered(canary: Canary):
    first = send(canary, NOW)
    canary.found(first, NOW)
    for number in range(5000):
        canary.found(send(canary, NOW + number), NOW + number)
    canary.found(first, NOW)
    assert canary.report(NOW, None).duplicates == 0


def test_without_any_there_is_no_percentile(canary: Canary):
    assert canary.report(NOW, None).p95_s is None
    assert PLACE.path == "canary/year=1970/month=01/day=01/hour=00"
