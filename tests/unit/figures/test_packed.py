"""Arrays as bytes: what was packed comes back, any part of it by itself, and damage shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from telemetry.domain.figures import packed
from telemetry.domain.figures.packed import DamagedError, Packed

ARRAYS = npst.arrays(
    st.sampled_from([np.int32, np.int64, np.float64]),
    st.tuples(st.integers(0, 9)) | st.tuples(st.integers(0, 3), st.integers(0, 9)),
)
LARGE = np.arange(20_000, dtype=np.int64).reshape(4, 5000)


def opened(*arrays: packed.Array) -> Packed:
    return Packed(memoryview(packed.pack("rest", arrays)))


@given(st.lists(ARRAYS, max_size=4))
def test_what_was_packed_comes_back(arrays):
    found = opened(*arrays)
    for number, each in enumerate(arrays):
        assert np.array_equal(found.array(number), each, equal_nan=True)
        assert found.array(number).dtype == each.dtype
    assert bytes(found.rest) == packed.encode("rest")


@given(st.sampled_from([LARGE, LARGE[:0]]), st.integers(0, 5000), st.integers(0, 5000))
def test_any_columns_of_a_matrix_can_be_taken_alone(matrix, one, other):
    first, end = sorted((one, other))
    found = opened(matrix).array(0, first, end)
    assert found.shape == matrix[:, first:end].shape
    assert np.array_equal(found, matrix[:, first:end])


def test_arrays_can_be_used_where_they_lie():
    found = opened(np.arange(3, dtype=np.int32), np.arange(3.0))
    for number in (0, 1):
        assert found.array(number).flags.aligned
        assert not found.array(number).flags.owndata


@pytest.mark.parametrize("values", [LARGE, LARGE[:0], LARGE[:, :0]])
def test_a_part_keeps_nothing_of_the_rest_in_memory(values):
    data = memoryview(packed.pack("rest", [values]))
    part = Packed(data).array(0, 10, 20) if values.size else Packed(data).array(0)
    assert part.base is None
    assert not np.shares_memory(part, np.frombuffer(data, np.uint8))


@given(st.integers(0, 200), st.integers(0, 7))
def test_a_changed_bit_shows_unless_it_is_in_a_gap(place, bit):
    values = np.arange(9.0)
    data = bytearray(packed.pack("rest", [values]))
    data[place % len(data)] ^= 1 << bit
    try:
        found = Packed(memoryview(data)).array(0)
    except DamagedError:
        return
    assert np.array_equal(found, values)
    assert place % len(data) < len(data) - values.nbytes


def test_damage_in_one_place_leaves_the_rest_readable():
    data = bytearray(packed.pack("rest", [LARGE]))
    data[-1] ^= 1
    found = Packed(memoryview(data))
    assert np.array_equal(found.array(0, 0, 100), LARGE[:, :100])
    with pytest.raises(DamagedError):
        found.array(0)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 20, -1])
def test_what_is_not_whole_shows(size):
    whole = packed.pack("rest", [LARGE])
    for data in (whole[:size], bytes(abs(size))):
        with pytest.raises(DamagedError):
            Packed(memoryview(data))


def test_values_keep_all_their_bits():
    values = np.array([0.1, 5e-324, 1.7976931348623157e308, -1 / 3, np.nan])
    assert opened(values).array(0).tobytes() == values.tobytes()
