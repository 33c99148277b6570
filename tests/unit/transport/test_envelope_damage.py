"""Damage to an envelope is noticed, or does no harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.transport import envelope
from telemetry.domain.transport.envelope import UndecodableError
from telemetry.domain.transport.parcel import Parcel
from tests.builders import NOW, POLICY, a_parcel, a_record, an_envelope, some_records
from tests.unit.transport.parcels import PLACES, parcels_of, same


def check_damaged(damaged: bytes, whole: Parcel) -> None:
    try:
        decoded = envelope.decode(damaged, NOW, POLICY)
    except UndecodableError as error:
        assert 0 < len(str(error)) < 300  # noqa: PT017  # that it may raise and may not is the point
    else:
        assert same(decoded, whole)


@pytest.mark.parametrize(
    "policy", [PartitionPolicy(), PartitionPolicy(buckets=300)], ids=["whole hours", "buckets"]
)
def test_no_flipped_bit_anywhere_gives_other_content(policy):
    sent = some_records(5)
    body, whole = an_envelope(*sent, policy=policy), a_parcel(*sent, policy=policy)
    for bit in range(8 * len(body)):
        damaged = bytearray(body)
        damaged[bit // 8] ^= 1 << bit % 8
        check_damaged(bytes(damaged), whole)


def test_no_truncation_anywhere_passes_for_an_envelope():
    body = an_envelope(*some_records(5))
    for end in range(len(body)):
        with pytest.raises(UndecodableError):
            envelope.decode(body[:end], NOW, POLICY)


def test_whatever_follows_an_envelope_is_refused():
    body = an_envelope(*some_records(5))
    for more in (b"\x00", b"\n", body):
        with pytest.raises(UndecodableError):
            envelope.decode(body + more, NOW, POLICY)


@given(st.data(), parcels_of(PLACES))
def test_damage_to_any_envelope_is_noticed_or_does_no_harm(data, parcel):
    damaged = bytearray(envelope.encode([parcel]))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    check_damaged(bytes(damaged), parcel)


@given(st.binary(max_size=200))
def test_no_body_raises_anything_but_undecodable(body):
    for start in (b"", b"TLE1", an_envelope(a_record())[:12], b"{", b" {"):
        with pytest.raises(UndecodableError):
            envelope.decode(start + body, NOW, POLICY)
