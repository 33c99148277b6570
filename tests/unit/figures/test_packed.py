"""Columns and results as bytes: what was packed comes back, and damage shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.figures import packed
from telemetry.domain.figures.coverage import StreamCoverage
from telemetry.domain.figures.packed import DamagedError, Part, State
from telemetry.domain.store.objects import LineFaults
from tests.unit.figures.test_columns import ROWS as RECORDS
from tests.unit.figures.test_columns import columns_of, rows_of
from tests.unit.figures.test_partial import ROWS, partial_of, told

COVERAGE = StreamCoverage(
    1.0, 3, 2, 1, 2.0, "2025-10-19T14:30:00.000Z", 0.0, 0.5, "first", "last", parked=True
)


def a_part() -> bytes:
    return packed.pack_part(Part(columns_of([("v1", 3, {"a": 1.0, "b": 2.0})]), LineFaults()))


@given(RECORDS, st.integers(0, 3))
def test_what_an_object_holds_comes_back(rows, refused):
    faults = LineFaults(refused, "line 1: why" if refused else "")
    found = packed.unpack_part(memoryview(packed.pack_part(Part(columns_of(rows), faults))))
    assert rows_of(found.columns) == rows
    assert found.faults == faults


@given(ROWS)
def test_what_an_hour_adds_up_to_comes_back(rows):
    partial = partial_of(rows)
    coverage = {vehicle_id: {can_id: COVERAGE} for vehicle_id, can_id in partial.streams}
    state = State({"1/a": LineFaults(), "1/b": LineFaults(2, "line 3: why")}, partial, coverage)
    found = packed.unpack_state(memoryview(packed.pack_state(state)))
    assert told(found.partial) == told(partial)
    assert (found.objects, found.coverage) == (state.objects, coverage)


def test_arrays_can_be_used_where_they_lie():
    found = packed.unpack_part(memoryview(a_part())).columns
    assert all(each.flags.aligned for each in (found.stream, found.offset, found.received, found.dense))
    assert not found.dense.flags.owndata


@pytest.mark.parametrize("place", range(0, 300, 7))
def test_any_changed_byte_shows(place):
    data = bytearray(a_part())
    data[place % len(data)] ^= 0x10
    with pytest.raises(DamagedError):
        packed.unpack_part(memoryview(data))


@pytest.mark.parametrize("size", [0, 1, 7, 8, 20, -1])
def test_what_is_not_whole_shows(size):
    for data in (a_part()[:size], bytes(abs(size))):
        with pytest.raises(DamagedError):
            packed.unpack_part(memoryview(data))
        with pytest.raises(DamagedError):
            packed.unpack_state(memoryview(data))


def test_values_keep_all_their_bits():
    values = [0.1, 5e-324, 1.7976931348623157e308, -1 / 3]
    columns = columns_of([("v1", at, {"a": value}) for at, value in enumerate(values)])
    found = packed.unpack_part(memoryview(packed.pack_part(Part(columns, LineFaults())))).columns
    assert np.array_equal(found.dense, np.array([values]))
