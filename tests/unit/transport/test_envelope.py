import json
import struct
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.domain.contract import codec, compression
from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.contract.partition import Partition, PartitionPolicy
from telemetry.domain.transport import envelope
from telemetry.domain.transport.envelope import MAX_CONTENT, UndecodableError, max_content
from telemetry.domain.transport.parcel import Parcel, group
from tests.builders import (
    HOUR,
    NOW,
    POLICY,
    a_body,
    a_parcel,
    a_record,
    an_envelope,
    numbers,
    payloads,
    some_records,
)

PLACE = Partition("raw", HOUR)
PATH = PLACE.path


def same(one: Parcel, other: Parcel) -> bool:
    return (
        one.partition == other.partition
        and one.timestamps.tolist() == other.timestamps.tolist()
        and one.received.tolist() == other.received.tolist()
        and one.lines == other.lines
    )


def joined(parcels: Sequence[Parcel]) -> Parcel:
    return Parcel(
        parcels[0].partition,
        np.concatenate([parcel.timestamps for parcel in parcels]),
        np.concatenate([parcel.received for parcel in parcels]),
        b"".join(parcel.lines for parcel in parcels),
    )


def parcels_of(place: st.SearchStrategy[Partition]) -> st.SearchStrategy[Parcel]:
    """Draw parcels with any times and any lines that hold one newline each."""
    line = st.binary(max_size=30).map(lambda text: text.replace(b"\n", b" ") + b"\n")
    any_time = st.integers(-(2**63), 2**63 - 1)
    rows = st.lists(st.tuples(any_time, any_time, line), min_size=1, max_size=6)

    def make(partition: Partition, drawn: list[tuple[int, int, bytes]]) -> Parcel:
        timestamps, received, lines = zip(*drawn, strict=True)
        return Parcel(partition, np.array(timestamps, "<i8"), np.array(received, "<i8"), b"".join(lines))

    return st.builds(make, place, rows)


PLACES = st.builds(
    Partition,
    tree=st.sampled_from(["raw", "skewed"]),
    hour=st.integers(HOUR - 2, HOUR + 2),
    bucket=st.none() | st.integers(0, 999),
)


@given(st.data(), PLACES)
def test_what_was_sealed_unpacks_to_what_it_was(data, place):
    parcels = data.draw(st.lists(parcels_of(st.just(place)), min_size=1, max_size=4))
    opened = envelope.decode(envelope.encode(parcels), 0, POLICY)
    assert same(opened, joined(parcels))
    assert opened.count == sum(parcel.count for parcel in parcels)
    assert opened.size == sum(parcel.size for parcel in parcels)


def test_records_pass_through_an_envelope_unchanged():
    sent = some_records(50)
    opened = envelope.decode(an_envelope(*sent), 0, POLICY)
    assert opened.partition == PLACE
    assert [codec.decode_line(line) for line in opened.lines.splitlines()] == sent
    assert opened.timestamps.tolist() == [record.timestamp_ms for record in sent]
    assert opened.received.tolist() == [record.received_ms for record in sent]


def test_the_size_of_a_parcel_is_what_it_brings_into_an_envelope():
    parcels = [a_parcel(*some_records(3)), a_parcel(*some_records(4))]
    head = _head_of(envelope.encode(parcels))
    assert head == {"partition": PATH, "count": 7, "size": sum(parcel.size for parcel in parcels)}


def test_times_on_the_wire_are_little_endian_whatever_the_machine():
    body = an_envelope(a_record())
    content = compression.decompress(body[_start_of_content(body) :], "zstd", 10_000)
    assert struct.unpack_from("<qq", content) == (NOW, NOW + 200)


# Damage


def _start_of_content(body: bytes) -> int:
    return 12 + int(struct.unpack_from("<I", body, 4)[0])


def _head_of(body: bytes) -> Any:
    return json.loads(body[12 : _start_of_content(body)])


def check_damaged(damaged: bytes, whole: Parcel) -> None:
    try:
        opened = envelope.decode(damaged, NOW, POLICY)
    except UndecodableError as error:
        assert 0 < len(str(error)) < 300  # noqa: PT017  # that it may raise and may not is the point
    else:
        assert same(opened, whole)


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


# Heads that somebody made up


def forged(
    head: dict[str, Any] | bytes | None = None, content: bytes | None = None, frame: bytes | None = None
) -> bytes:
    """Make an envelope of two lines whose checksums fit, and whose head says what it likes."""
    genuine = a_parcel(*some_records(2))
    whole = genuine.timestamps.tobytes() + genuine.received.tobytes() + genuine.lines
    content = whole if content is None else content
    truth = {"partition": PATH, "count": 2, "size": len(content)}
    encoded = head if isinstance(head, bytes) else json.dumps(truth | (head or {})).encode()
    frame = compression.compress(content) if frame is None else frame
    return b"TLE1" + struct.pack("<II", len(encoded), crc32(encoded)) + encoded + frame


def test_a_forged_head_that_tells_the_truth_is_believed():
    assert same(envelope.decode(forged(), 0, POLICY), a_parcel(*some_records(2)))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "raw",
        "../" + PATH,
        PATH + "/..",
        PATH + "/../../../../etc",
        PATH + "/",
        PATH + "/batch.jsonl",
        PATH + "\n",
        PATH.replace("raw", "aggregated"),
        PATH.replace("raw", "quarantine"),
        PATH.replace("raw/", "raw/../raw/"),
        PATH.replace("2025", "\u0662\u0660\u0662\u0665"),
        PATH.replace("10", "99"),
        PATH + "/bucket=007",
        PATH + "/bucket=x",
        "x" * 1_000_000,
    ],
    ids=lambda path: path[-40:],
)
def test_a_head_whose_partition_is_none_is_refused_briefly(path):
    with pytest.raises(UndecodableError) as refusal:
        envelope.decode(forged({"partition": path}), 0, POLICY)
    assert 0 < len(str(refusal.value)) < 300


@pytest.mark.parametrize("count", [-1, 0, 1, 3, 2**31, 2**63, 2**64 + 2, 10**30])
def test_a_head_whose_count_is_wrong_is_refused(count):
    with pytest.raises(UndecodableError):
        envelope.decode(forged({"count": count}), 0, POLICY)


@pytest.mark.parametrize("size", [-1, 0, 1, 2**31, 2**63, 10**30])
def test_a_head_whose_size_is_wrong_is_refused(size):
    with pytest.raises(UndecodableError):
        envelope.decode(forged({"size": size}), 0, POLICY)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"{}",
        b"[]",
        b"{",
        b"\xff",
        b'{"x":' + b"[" * 20_000,
        json.dumps({"partition": PATH, "count": "2", "size": 1}).encode(),
        json.dumps({"partition": PATH, "count": None, "size": 1}).encode(),
        json.dumps({"partition": PATH, "count": 2.5, "size": 1}).encode(),
        json.dumps({"partition": 7, "count": 2, "size": 1}).encode(),
        json.dumps({"partition": PATH, "count": 2}).encode(),
    ],
    ids=lambda head: repr(head[:40]),
)
def test_what_is_no_head_is_refused(head):
    with pytest.raises(UndecodableError):
        envelope.decode(forged(head), 0, POLICY)


@pytest.mark.parametrize("length", [0, 1, 10**6, 2**32 - 1])
def test_a_head_that_is_not_as_long_as_it_says_is_refused(length):
    body = forged()
    with pytest.raises(UndecodableError, match="head of the envelope is damaged"):
        envelope.decode(body[:4] + struct.pack("<I", length) + body[8:], 0, POLICY)


@pytest.mark.parametrize("lines", [b"", b"ab", b"a\n", b"a\nb", b"a\nb\nc", b"a\nb\nc\n", b"\n\n\n"])
def test_other_than_the_lines_that_the_head_counts_are_refused(lines):
    with pytest.raises(UndecodableError):
        envelope.decode(forged(content=bytes(32) + lines), 0, POLICY)


def test_a_bomb_in_an_envelope_is_refused():
    with pytest.raises(UndecodableError, match="decompresses to more than"):
        envelope.decode(forged(frame=compression.compress(bytes(MAX_CONTENT + 1))), 0, POLICY)


def test_the_largest_content_is_opened():
    lines = b"x" * (MAX_CONTENT - 32 - 2) + b"\n\n"
    assert envelope.decode(forged(content=bytes(32) + lines), 0, POLICY).size == MAX_CONTENT


# One message of a foreign producer


@given(payloads())
def test_a_foreign_message_becomes_a_parcel_received_when_it_was_sent(payload):
    opened = envelope.decode(
        a_body(timestamp="2025-10-19T14:30:00Z", can_id="0x1f0", payload=payload), NOW + 777, POLICY
    )
    expected = a_record(payload=payload, received_ms=NOW + 777)
    assert same(opened, a_parcel(expected))


def test_a_foreign_message_may_stand_on_several_lines_and_becomes_one():
    body = b"\r\n " + json.dumps(json.loads(a_body()), indent=2).encode() + b"\n"
    opened = envelope.decode(body, NOW, POLICY)
    assert opened.count == opened.lines.count(b"\n") == 1


def test_a_foreign_message_is_the_same_at_every_delivery():
    assert same(envelope.decode(a_body(), NOW, POLICY), envelope.decode(a_body(), NOW, POLICY))


def test_a_foreign_message_whose_clock_cannot_be_believed_is_placed_apart():
    opened = envelope.decode(a_body(timestamp="2020-01-01T00:00:00Z"), NOW, POLICY)
    assert opened.partition == Partition("skewed", Hour(NOW // HOUR_MS))


def test_a_foreign_message_goes_into_the_bucket_of_its_vehicle():
    policy = PartitionPolicy(buckets=16)
    opened = envelope.decode(a_body(timestamp="2025-10-19T14:30:00Z"), NOW, policy)
    assert opened.partition == policy.place(a_record())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "It is neither an envelope nor a JSON object."),
        (b"hello", "It is neither an envelope nor a JSON object."),
        (b"[" + a_body() + b"]", "It is neither an envelope nor a JSON object."),
        (b"TLE2", "It is neither an envelope nor a JSON object."),
        (b"{", "Input data was truncated"),
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


# Groups of parcels


@given(
    st.lists(parcels_of(st.sampled_from([PLACE, Partition("skewed", HOUR), Partition("raw", HOUR, 1)]))),
    st.data(),
)
def test_groups_keep_order_exceed_no_limit_and_are_of_one_partition_each(parcels, data):
    limit = data.draw(st.integers(0, 500))
    groups = [list(each) for each in group(parcels, limit)]
    for each in groups:
        assert len({parcel.partition for parcel in each}) == 1
        assert sum(parcel.size for parcel in each) <= limit or len(each) == 1
    for place in {parcel.partition for parcel in parcels}:
        expected = [id(parcel) for parcel in parcels if parcel.partition == place]
        found = [id(parcel) for each in groups for parcel in each if parcel.partition == place]
        assert found == expected


@settings(max_examples=30)
@given(st.integers(2**14, 2**20), st.floats(0, 1), st.integers(0, 2**32))
def test_what_fits_the_room_fits_the_body_even_if_it_does_not_compress(max_body, share_of_times, seed):
    rng = np.random.default_rng(seed)
    count = int(share_of_times * max_content(max_body)) // 16
    timestamps, received = rng.integers(-(2**63), 2**63 - 1, (2, count))
    lines = rng.bytes(max_content(max_body) - 16 * count)
    parcel = Parcel(Partition("skewed", HOUR, 999), timestamps, received, lines)
    assert parcel.size == max_content(max_body)
    assert len(envelope.encode([parcel])) <= max_body


def test_most_of_a_body_is_room():
    assert max_content(1024 * 1024) > 0.99 * 1024 * 1024
    assert max_content(256 * 1024) > 0.98 * 256 * 1024


def test_real_records_compress_well():
    sent = [record for record in some_records(2000) if record.timestamp_ms // HOUR_MS == HOUR]
    parcel = a_parcel(*sent)
    assert len(envelope.encode([parcel])) < parcel.size / 5


@given(st.lists(numbers(), min_size=1, max_size=20))
def test_wrapping_spells_records_as_the_raw_store_does(values):
    sent = [a_record(payload={"x": value}, timestamp_ms=NOW + place) for place, value in enumerate(values)]
    wrapped = Parcel.of(PLACE, sent)
    assert wrapped.lines == codec.encode_lines(sent)
    assert wrapped.count == len(sent)
