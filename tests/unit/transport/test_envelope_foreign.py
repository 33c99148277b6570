"""One message of a foreign producer as the body of a queue message."""

import json

import pytest
from hypothesis import given

from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.contract.partition import Partition, PartitionPolicy
from telemetry.domain.transport import envelope
from telemetry.domain.transport.envelope import UndecodableError
from tests.builders import NOW, POLICY, a_body, a_parcel, a_record, payloads
from tests.unit.transport.parcels import same


@given(payloads())
def test_a_foreign_message_becomes_a_parcel_received_when_it_was_sent(payload):
    decoded = envelope.decode(
        a_body(timestamp="2025-10-19T14:30:00Z", can_id="0x1f0", payload=payload), NOW + 777, POLICY
    )
    expected = a_record(payload=payload, received_ms=NOW + 777)
    assert same(decoded, a_parcel(expected))


def test_a_foreign_message_may_stand_on_several_lines_and_becomes_one():
    body = b"\r\n " + json.dumps(json.loads(a_body()), indent=2).encode() + b"\n"
    decoded = envelope.decode(body, NOW, POLICY)
    assert decoded.count == decoded.lines.count(b"\n") == 1


def test_a_byte_order_mark_before_a_foreign_message_is_ignored():
    assert same(
        envelope.decode(b"\xef\xbb\xbf" + a_body(), NOW, POLICY), envelope.decode(a_body(), NOW, POLICY)
    )


def test_a_foreign_message_is_the_same_at_every_delivery():
    assert same(envelope.decode(a_body(), NOW, POLICY), envelope.decode(a_body(), NOW, POLICY))


def test_a_foreign_message_whose_clock_cannot_be_believed_is_placed_apart():
    decoded = envelope.decode(a_body(timestamp="2020-01-01T00:00:00Z"), NOW, POLICY)
    assert decoded.partition == Partition("skewed", Hour(NOW // HOUR_MS))


def test_a_foreign_message_goes_into_the_bucket_of_its_vehicle():
    policy = PartitionPolicy(buckets=16)
    decoded = envelope.decode(a_body(timestamp="2025-10-19T14:30:00Z"), NOW, policy)
    assert decoded.partition == policy.place(a_record())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "It is neither an envelope nor a JSON object."),
        (b"hello", "It is neither an envelope nor a JSON object."),
        (b"[" + a_body() + b"]", "It is neither an envelope nor a JSON object."),
        (b"TLE2", "It is neither an envelope nor a JSON object."),
        (b"{", "Input data was truncated"),
        (b"\xef\xbb\xbf[" + a_body() + b"]", "It is neither an envelope nor a JSON object."),
        (a_body() + a_body(), f"JSON is malformed: trailing characters (byte {len(a_body()) + 1})"),
        (
            a_body() + b"\n" + a_body(),
            "The body holds more records than the limit of 1. Send them in several bodies.",
        ),
        (a_body(can_id="x"), "can_id: it is 0x and 1 to 8 hex digits, at most 0x1FFFFFFF"),
        (a_body(payload={"battery_soc": "full"}), "payload.battery_soc: Expected `float`, got `str`"),
        (a_body(vehicle_id=None), "Object missing required field `vehicle_id`"),
    ],
)
def test_an_invalid_message_is_refused_with_its_reason(body, reason):
    with pytest.raises(UndecodableError) as refusal:
        envelope.decode(body, NOW, POLICY)
    assert str(refusal.value) == reason


def test_the_reason_for_a_refusal_is_short_whatever_was_sent():
    with pytest.raises(UndecodableError) as refusal:
        envelope.decode(a_body(vehicle_id="x" * 1_000_000), NOW, POLICY)
    assert len(str(refusal.value)) < 300
