"""Compressed bytes: they read back whole, and neither damage nor size does harm."""

import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract.compression import TooLargeError, Unzstd, compress, decompress
from tests.unit.contract.compressing import LIMIT, in_every_encoding, peak_of


@in_every_encoding
@given(data=st.binary(max_size=2000) | st.binary(max_size=8).map(lambda piece: piece * 1000))
def test_what_was_compressed_decompresses_to_what_it_was(encoding, encode, data):
    assert decompress(encode(data), encoding, LIMIT) == data


def test_threads_compress_and_decompress_at_the_same_time():
    def round_trip(number: int) -> bool:
        data = number.to_bytes(4, "big") * 20_000
        return all(decompress(compress(data, level), "zstd", LIMIT) == data for level in (1, 1, 3))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(round_trip, range(200)))


@pytest.mark.parametrize("level", [1, 3, 19])
@pytest.mark.parametrize("size", [9 * 1024 * 1024, 17 * 1024 * 1024])
def test_content_larger_than_the_widest_window_is_decompressed_if_its_size_is_known(level, size):
    data = os.urandom(1024) * (size // 1024)
    assert decompress(compress(data, level), "zstd", size) == data


@in_every_encoding
def test_content_of_exactly_the_limit_is_taken_and_a_byte_more_is_not(encoding, encode):
    assert decompress(encode(b"x" * LIMIT), encoding, LIMIT) == b"x" * LIMIT
    with pytest.raises(TooLargeError, match="more than 100000 bytes"):
        decompress(encode(b"x" * (LIMIT + 1)), encoding, LIMIT)


@in_every_encoding
def test_a_bomb_is_cut_off_before_it_fills_the_memory(encoding, encode):
    bomb = encode(bytes(200_000_000))

    def decompress_bomb() -> None:
        with pytest.raises(TooLargeError):
            decompress(bomb, encoding, LIMIT)

    assert len(bomb) < 1_000_000
    assert peak_of(decompress_bomb) < 10 * LIMIT


def rle_block(size: int, *, last: bool) -> bytes:
    """Encode a zstd block that repeats one byte (RFC 8878, section 3.1.1.2)."""
    return (size << 3 | 1 << 1 | last).to_bytes(3, "little") + b"a"


@pytest.mark.parametrize("blocks", [1, 1000])
def test_a_bomb_that_says_it_is_empty_is_cut_off(blocks):
    # descriptor: four bytes of size, no checksum; window of 2 MiB; size 0
    head = b"\x28\xb5\x2f\xfd\x80\x58" + bytes(4)
    bomb = head + rle_block(131_072, last=False) * blocks + rle_block(1, last=True)

    def decompress_bomb() -> None:
        with pytest.raises(ValueError, match=r"not one whole zstd frame|more than 100000 bytes"):
            decompress(bomb, "zstd", LIMIT)

    assert peak_of(decompress_bomb) < 10 * LIMIT


def test_a_frame_that_says_it_is_larger_than_it_is_is_damaged():
    whole = compress(b"x" * 50)
    assert whole[5] == 50  # the content size, as RFC 8878, section 3.1.1.1.4, has a small one
    for said in (0, 49, 51, 255):
        with pytest.raises(ValueError, match="not one whole zstd frame"):
            decompress(whole[:5] + bytes([said]) + whole[6:], "zstd", LIMIT)


@in_every_encoding
@pytest.mark.parametrize("data", [b"", b"x", b"hello " * 100], ids=["empty", "short", "long"])
def test_a_frame_that_is_cut_off_anywhere_is_refused(encoding, encode, data):
    whole = encode(data)
    for end in range(len(whole)):
        with pytest.raises(ValueError, match="It is not"):
            decompress(whole[:end], encoding, LIMIT)


@in_every_encoding
@pytest.mark.parametrize("data", [b"", b"hello " * 100], ids=["empty", "long"])
def test_whatever_follows_is_refused(encoding, encode, data):
    whole = encode(data)
    for more in (b"\x00", b"more", zlib.compress(data), whole + b"\x00", whole[:3]):
        with pytest.raises(ValueError, match="It is not one whole"):
            decompress(whole + more, encoding, LIMIT)


@in_every_encoding
@given(garbage=st.binary(max_size=100))
def test_garbage_raises_value_error(encoding, encode, garbage):
    with pytest.raises(ValueError, match="It is not"):
        decompress(encode(b"")[:2] + b"\x00" + garbage, encoding, LIMIT)
    with pytest.raises(ValueError, match="It is not"):
        decompress(b"x" + garbage, encoding, LIMIT)


def test_a_flipped_bit_in_a_zstd_frame_never_gives_other_content():
    data = b"the quick brown fox jumps over the lazy dog " * 5
    whole = compress(data)
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            content = decompress(bytes(damaged), "zstd", LIMIT)
        except ValueError:
            continue
        assert content == data


def test_a_frame_that_needs_too_wide_a_window_is_refused():
    wide = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    frame = compressor.compress(b"x") + compressor.flush()
    with pytest.raises(ValueError, match="not one whole zstd frame"):
        decompress(frame, "zstd", LIMIT)


def unzstd(data: bytes, at_a_time: int = 7) -> bytes:
    source = BytesIO(data)
    plain = Unzstd(lambda size: source.read(min(size, at_a_time)))
    return b"".join(iter(lambda: plain.read(5), b""))


@given(st.lists(st.binary(max_size=300), max_size=3), st.integers(1, 50))
def test_zstd_frames_are_unpacked_one_after_another_as_they_come(contents, at_a_time):
    packed = b"".join(map(compress, contents))
    assert unzstd(packed, at_a_time) == b"".join(contents)


def test_a_zstd_frame_that_breaks_off_gives_what_came_before_and_raises():
    packed = compress(bytes(range(256)) * 100)
    with pytest.raises(EOFError, match="its compressed bytes break off"):
        unzstd(packed[:-10])


def test_a_damaged_zstd_frame_raises():
    with pytest.raises(ValueError, match="zstd"):
        unzstd(compress(b"a")[:4] + b"\xff" * 40)
