"""Heads of envelopes that somebody made up are refused."""

import json
import struct
from typing import Any
from zlib import crc32

import pytest

from telemetry.domain.contract import compression
from telemetry.domain.transport import envelope
from telemetry.domain.transport.envelope import MAX_CONTENT, UndecodableError
from tests.builders import PLACE, POLICY, a_parcel, some_records
from tests.unit.transport.parcels import same

PATH = PLACE.path


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


def test_a_forged_head_that_says_what_is_true_is_believed():
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


def test_the_largest_content_is_decoded():
    lines = b"x" * (MAX_CONTENT - 32 - 2) + b"\n\n"
    assert envelope.decode(forged(content=bytes(32) + lines), 0, POLICY).size == MAX_CONTENT
