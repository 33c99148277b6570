"""Fields of bits in the bytes of a frame."""

import numpy as np
import pytest

from telemetry.domain.can.bits import Field, frames, words


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
    frame = words([b"\x81\x7f\xc0\0\0\0\x80\x01"])
    taken = field.take(frame)
    assert taken.tolist() == [raw]
    assert field.put(taken).tolist() == [int(frame[0]) & field.mask]


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
    frame = np.array([bits], np.uint64)
    assert field.take(frame).tolist() == [1.5]
    assert field.put(np.array([1.5])).tolist() == [bits]


@pytest.mark.parametrize(
    ("start", "length", "order"),
    [(57, 8, "little"), (64, 1, "little"), (56, 8, "big"), (0, 0, "little"), (-1, 1, "little")],
)
def test_a_field_that_no_frame_has_is_refused(start, length, order):
    with pytest.raises(ValueError, match="do not lie within 8 bytes"):
        Field(start, length, order)


def test_a_float_of_a_length_that_no_float_has_is_refused():
    with pytest.raises(ValueError, match="no float of 24 bits"):
        Field(0, 24, kind="float")
