"""Which hours the messages of a queue may be of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_of, start_ms
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.transport import envelope, outlook
from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.outlook import Outlook, Unplaced
from tests.builders import HOUR, NOW, POLICY, a_body, a_record, an_envelope

LATER = start_ms(HOUR) + 100 * HOUR_MS
ONE = Depth(1, 0, 0)


@pytest.mark.parametrize("buckets", [1, 1000])
@pytest.mark.parametrize("timestamp_ms", [NOW, 0])
def test_an_envelope_names_its_hour_within_its_first_bytes(buckets: int, timestamp_ms: int):
    body = an_envelope(a_record(timestamp_ms=timestamp_ms), policy=PartitionPolicy(buckets=buckets))
    assert outlook.hour_of_body(body[: envelope.HEAD]) == HOUR


@pytest.mark.parametrize("length", [0, 3, 4, 11, 12, 40])
def test_the_start_of_an_envelope_that_is_cut_off_names_no_hour(length: int):
    assert outlook.hour_of_body(an_envelope(a_record())[:length]) is None


def test_a_damaged_head_and_a_foreign_message_name_no_hour():
    body = bytearray(an_envelope(a_record()))
    body[20] ^= 1
    assert outlook.hour_of_body(bytes(body)) is None
    assert outlook.hour_of_body(a_body()) is None


def test_a_message_that_was_sent_after_the_bound_holds_nothing_that_was_accepted_before_it():
    message = Unplaced(ONE, NOW, NOW)
    assert message.may_be_of(HOUR, NOW, POLICY)
    assert not message.may_be_of(HOUR, NOW - 1, POLICY)


def test_a_message_holds_no_record_of_an_hour_that_began_later_than_a_clock_is_believed():
    message = Unplaced(ONE, NOW, NOW)
    assert message.may_be_of(Hour(HOUR - 7 * 24), LATER, POLICY)
    assert not message.may_be_of(Hour(HOUR - 7 * 24 - 1), LATER, POLICY)
    assert not message.may_be_of(Hour(HOUR + 1), LATER, POLICY)
    at_the_end = Unplaced(ONE, NOW, start_ms(HOUR) + HOUR_MS - POLICY.future_ms)
    assert at_the_end.may_be_of(Hour(HOUR + 1), LATER, POLICY)


@given(st.integers(0, 10**13), st.integers(-8 * 24 * HOUR_MS, 10 * 60_000), st.integers(0, HOUR_MS))
def test_no_record_is_in_an_hour_of_which_a_message_that_holds_it_is_said_not_to_be(
    received_ms: int, skew_ms: int, waited_ms: int
):
    record = a_record(timestamp_ms=max(0, received_ms + skew_ms), received_ms=received_ms)
    hour = POLICY.place(record).hour
    sent_ms = received_ms + waited_ms
    assert Unplaced(ONE, sent_ms, sent_ms).may_be_of(hour, sent_ms, POLICY)


def test_those_messages_are_returned_that_may_be_of_the_hour():
    early, now = Unplaced(ONE, 0, 0), Unplaced(ONE, NOW, NOW)
    found = Outlook({}, [early, now])
    assert found.unplaced_in(HOUR, LATER, POLICY) == [now]
    assert found.unplaced_in(hour_of(0), LATER, POLICY) == [early]


def test_the_records_of_a_canary_are_not_counted_among_what_waits():
    waiting = {Hour(outlook.CANARY_HOUR): Depth(5, 1, 0), HOUR: Depth(2, 1, 9)}
    unplaced = Unplaced(Depth(1, 1, 1), NOW, NOW)
    assert outlook.others(Outlook(waiting, [unplaced])) == 5
    assert outlook.others(Outlook({}, [unplaced], "age")) is None
