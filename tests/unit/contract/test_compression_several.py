"""Several gzip members or zstd frames, one after another, are one content."""

import gzip
import os
import zlib
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract import compression
from telemetry.domain.contract.compression import MAX_PARTS, TooLargeError, compress, decompress
from tests.unit.contract.compressing import (
    LIMIT,
    gzipped,
    in_every_encoding,
    peak_of,
    skippable,
    zstd_pieces,
    zstd_without_size,
)


@in_every_encoding
@given(data=st.lists(st.binary(max_size=200), min_size=1, max_size=6))
def test_members_and_frames_one_after_another_are_one_content(encoding, encode, data):
    assert decompress(b"".join(map(encode, data)), encoding, LIMIT) == b"".join(data)


@given(
    st.lists(
        st.tuples(st.sampled_from([compress, zstd_without_size, zstd_pieces]), st.binary(max_size=400)),
        min_size=1,
        max_size=6,
    ),
    st.lists(st.binary(max_size=10), min_size=7, max_size=7),
)
def test_frames_of_all_kinds_stand_together_and_what_is_to_be_skipped_is_skipped(frames, skipped):
    body = skippable(skipped[-1], kind=15)
    for (encode, data), between in zip(frames, skipped, strict=False):
        body += encode(data) + skippable(between)
    assert decompress(body, "zstd", LIMIT) == b"".join(data for _, data in frames)


def test_a_body_of_frames_that_are_skipped_is_empty():
    assert decompress(skippable(b"some"), "zstd", LIMIT) == b""
    assert decompress(skippable(bytes(2 * LIMIT)), "zstd", LIMIT) == b""  # no content comes of it


@in_every_encoding
def test_a_member_or_frame_without_content_does_no_harm_wherever_it_stands(encoding, encode):
    empty, whole = encode(b""), encode(b"hello")
    for body in (empty + whole, whole + empty, empty + empty + whole + empty):
        assert decompress(body, encoding, LIMIT) == b"hello"
    assert decompress(empty * 3, encoding, LIMIT) == b""


@in_every_encoding
def test_the_limit_holds_for_the_sum(encoding, encode):
    tenth = encode(b"x" * (LIMIT // 10))
    assert decompress(tenth * 10, encoding, LIMIT) == b"x" * LIMIT
    with pytest.raises(TooLargeError, match="more than 100000 bytes"):
        decompress(tenth * 10 + encode(b"x"), encoding, LIMIT)


@in_every_encoding
def test_bombs_one_after_another_are_cut_off_before_they_fill_the_memory(encoding, encode):
    bombs = encode(b"x") + encode(bytes(50_000_000)) * 4

    def decompress_bombs() -> None:
        with pytest.raises(TooLargeError):
            decompress(bombs, encoding, LIMIT)

    assert peak_of(decompress_bombs) < 10 * LIMIT + len(bombs)


SEVERAL = [
    ("gzip", [gzipped(b""), gzipped(b"hello"), gzipped(b"a" * 2000)]),
    ("zstd", [compress(b"hello"), skippable(b"abc"), zstd_without_size(b"a" * 2000), compress(b"")]),
    ("zstd", [skippable(b""), zstd_pieces(b"hello" * 40), compress(b"x")]),
]


@pytest.mark.parametrize(("encoding", "parts"), SEVERAL)
def test_several_that_are_cut_off_anywhere_but_between_two_are_refused(encoding, parts):
    whole = b"".join(parts)
    ends = {sum(map(len, parts[:count])) for count in range(1, len(parts) + 1)}
    for end in range(len(whole) + 1):
        if end in ends:
            decompress(whole[:end], encoding, LIMIT)
        else:
            with pytest.raises(ValueError, match="It is not"):
                decompress(whole[:end], encoding, LIMIT)


@pytest.mark.parametrize("size", [9_000_000, 17_000_000])
def test_several_frames_larger_than_the_widest_window_are_decompressed_if_they_name_their_size(size):
    data = os.urandom(1000) * (size // 1000)
    assert decompress(compress(data) * 2, "zstd", 2 * size) == data * 2


def test_a_flipped_bit_in_one_of_several_frames_never_gives_other_content():
    data = b"the quick brown fox jumps over the lazy dog " * 5
    whole = compress(data) + compress(data)
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            content = decompress(bytes(damaged), "zstd", LIMIT)
        except ValueError:
            continue
        assert content == data * 2


COPIED = 30  # times its own length that a body may have copied while it is read


@pytest.mark.parametrize("count", [1000, MAX_PARTS // 2])
def test_many_small_members_are_read_little_by_little(count, monkeypatch):
    """Feeding each member all the rest copies it each time, which takes minutes for a body of this kind."""
    fed = 0

    class Inflate:
        def __init__(self, bits: int) -> None:
            self.inner = zlib.decompressobj(bits)

        def decompress(self, data: Any, most: int) -> bytes:
            nonlocal fed
            fed += len(data)
            return self.inner.decompress(data, most)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    monkeypatch.setattr(compression, "zlib", SimpleNamespace(decompressobj=Inflate, error=zlib.error))
    body = gzipped(b"") * count + gzipped(b"end")
    assert decompress(body, "gzip", LIMIT) == b"end"
    assert fed < COPIED * len(body)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_more_members_or_frames_than_the_limit_are_refused(encoding):
    empty = gzip.compress(b"") if encoding == "gzip" else zstandard.compress(b"")
    assert compression.decompress(empty * MAX_PARTS, encoding, 100) == b""
    with pytest.raises(TooLargeError, match="more than 10000 members or frames"):
        compression.decompress(empty * (MAX_PARTS + 1), encoding, 100)
