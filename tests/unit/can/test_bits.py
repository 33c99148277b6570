"""Fields of bits in the bytes of a frame."""

import numpy as np
import pytest

from telemetry.domain.can.bits import Block, Field, frames, words


@pytest.mark.parametrize(
    ("frame", "word"),
    [(b"", 0), (b"\x01\x02", 0x0201), (bytes(range(8)), 0x0706050403020100), (bytes(9), 0)],
)
def test_a_word_ends_in_zeros_where_its_frame_ends_and_leaves_out_what_is_beyond_8_bytes(frame, word):
    assert words([frame, frame]).tolist() == [word, word]
    assert frames(words([frame]), len(frame)) == [frame[:8]]


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        (Field(0, 8), 0x81),
        (Field(4, 12), 0x7F8),
        (Field(7, 8, "big"), 0x81),
        (Field(11, 12, "big"), 0xFC0),
        (Field(0, 8, kind="signed"), -127),
        (Field(8, 8, kind="signed"), 127),
        (Field(7, 16, "big", "signed"), -32385),
        (Field(7, 64, "big"), 0x817FC00000008001),
        (Field(0, 64, kind="signed"), 0x01800000_00C07F81),
    ],
)
def test_a_field_is_taken_from_its_place_and_put_back_there(field, raw):
    block = Block.of([b"\x81\x7f\xc0\0\0\0\x80\x01"])
    taken = field.take(block)
    assert taken.tolist() == [raw]
    assert field.put(taken).tolist() == [int(block.words()[0]) & field.mask]


@pytest.mark.parametrize(
    ("field", "size"),
    [
        (Field(0, 1), 1),
        (Field(7, 2), 2),
        (Field(7, 8, "big"), 1),
        (Field(0, 2, "big"), 2),
        (Field(0, 64), 8),
    ],
)
def test_a_field_needs_the_bytes_up_to_its_last_bit(field, size):
    assert field.size == size


@pytest.mark.parametrize(("length", "bits"), [(16, 0x3E00), (32, 0x3FC00000), (64, 0x3FF8000000000000)])
def test_a_float_is_taken_and_put_whatever_its_length(length, bits):
    field = Field(0, length, kind="float")
    assert field.take(Block.of([bits.to_bytes(8, "little")])).tolist() == [1.5]
    assert field.put(np.array([1.5])).tolist() == [bits]


@pytest.mark.parametrize(
    ("start", "length", "order"),
    [(0, 65, "little"), (7, 65, "big"), (0, 0, "little"), (-1, 1, "little")],
)
def test_a_field_that_is_none_of_1_to_64_bits_is_refused(start, length, order):
    with pytest.raises(ValueError, match="are no field of 1 to 64 bits"):
        Field(start, length, order)


def test_a_float_of_a_length_that_no_float_has_is_refused():
    with pytest.raises(ValueError, match="no float of 24 bits"):
        Field(0, 24, kind="float")


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("length", [1, 7, 8, 17, 57, 63, 64])
@pytest.mark.parametrize("first", [0, 3, 64, 70, 127, 448])
def test_a_field_is_read_anywhere_in_a_long_frame(first, length, order):
    rng = np.random.default_rng(first * length)
    made = [rng.bytes(64) for _ in range(3)]
    start = first if order == "little" else 8 * (first // 8) + 7 - first % 8
    field = Field(start, length, order)
    assert field.size == -(-(first + length) // 8)
    run = first if order == "little" else 512 - first - length
    assert field.take(Block.of(made)).tolist() == [
        int.from_bytes(each, order) >> run & 2**length - 1 for each in made
    ]


def test_a_block_of_some_frames_has_their_words():
    block = Block.of([b"\x01\x02", b"\x03\x04", b"\x05\x06"])
    assert len(block) == 3
    assert block.rows(np.array([2, 0])).words().tolist() == [0x0605, 0x0201]
    assert block.words(8).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("length", "frame"), [(16, b"\x01\x7c"), (32, b"\1\0\x80\x7f"), (64, b"\1\0\0\0\0\0\xf0\x7f")]
)
def test_a_nan_that_signals_is_taken_as_any_other(length, frame):
    assert np.isnan(Field(0, length, kind="float").take(Block.of([frame]))).all()
