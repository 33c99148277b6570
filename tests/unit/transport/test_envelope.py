"""What is encoded as an envelope decodes to what it was, and fits the body of a message."""

import json
import struct
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.domain.contract import codec, compression
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.contract.partition import Partition
from telemetry.domain.transport import envelope
from telemetry.domain.transport.envelope import max_content
from telemetry.domain.transport.parcel import Parcel
from tests.builders import HOUR, NOW, PLACE, POLICY, a_parcel, a_record, an_envelope, some_records
from tests.unit.transport.parcels import PLACES, joined, parcels_of, same


def start_of_content(body: bytes) -> int:
    return 12 + int(struct.unpack_from("<I", body, 4)[0])


def head_of(body: bytes) -> Any:
    return json.loads(body[12 : start_of_content(body)])


@given(st.data(), PLACES)
def test_what_was_encoded_decodes_to_what_it_was(data, place):
    parcels = data.draw(st.lists(parcels_of(st.just(place)), min_size=1, max_size=4))
    decoded = envelope.decode(envelope.encode(parcels), 0, POLICY)
    assert same(decoded, joined(parcels))
    assert decoded.count == sum(parcel.count for parcel in parcels)
    assert decoded.size == sum(parcel.size for parcel in parcels)


def test_records_pass_through_an_envelope_unchanged():
    sent = some_records(50)
    decoded = envelope.decode(an_envelope(*sent), 0, POLICY)
    assert decoded.partition == PLACE
    assert [codec.decode_line(line) for line in decoded.lines.splitlines()] == sent
    assert decoded.timestamps.tolist() == [record.timestamp_ms for record in sent]
    assert decoded.received.tolist() == [record.received_ms for record in sent]


def test_the_size_of_a_parcel_is_what_it_brings_into_an_envelope():
    parcels = [a_parcel(*some_records(3)), a_parcel(*some_records(4))]
    head = head_of(envelope.encode(parcels))
    assert head == {"partition": PLACE.path, "count": 7, "size": sum(parcel.size for parcel in parcels)}


def test_times_on_the_wire_are_little_endian_whatever_the_machine():
    body = an_envelope(a_record())
    content = compression.decompress(body[start_of_content(body) :], "zstd", 10_000)
    assert struct.unpack_from("<qq", content) == (NOW, NOW + 200)


@settings(max_examples=30)
@given(st.integers(2**14, 2**20), st.floats(0, 1), st.integers(0, 2**32))
def test_the_largest_content_fits_the_body_even_if_it_does_not_compress(max_body, share_of_times, seed):
    rng = np.random.default_rng(seed)
    count = int(share_of_times * max_content(max_body)) // 16
    timestamps, received = rng.integers(-(2**63), 2**63 - 1, (2, count))
    lines = rng.bytes(max_content(max_body) - 16 * count)
    parcel = Parcel(Partition("skewed", HOUR, 999), timestamps, received, lines)
    assert parcel.size == max_content(max_body)
    assert len(envelope.encode([parcel])) <= max_body


def test_most_of_a_body_is_left_for_content():
    assert max_content(1024 * 1024) > 0.99 * 1024 * 1024
    assert max_content(256 * 1024) > 0.98 * 256 * 1024


def test_real_records_compress_well():
    sent = [record for record in some_records(2000) if record.timestamp_ms // HOUR_MS == HOUR]
    parcel = a_parcel(*sent)
    assert len(envelope.encode([parcel])) < parcel.size / 5


def test_an_envelope_without_traces_is_as_it_always_was_and_one_with_them_names_the_first():
    plain = Parcel.of(PLACE, [a_record()])
    assert b"traces" not in envelope.encode([plain])
    assert list(envelope.decode(envelope.encode([plain]), NOW, POLICY).traces) == []
    contexts = [f"00-{number:032x}-{number:016x}-01" for number in range(40)]
    traced = [Parcel.of(PLACE, [a_record()], (each,)) for each in (*contexts, contexts[0])]
    body = envelope.encode(traced)
    assert list(envelope.decode(body, NOW, POLICY).traces) == contexts[: envelope.MAX_TRACES]
    assert envelope.partition_of(body[: envelope.HEAD]) == PLACE
