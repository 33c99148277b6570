"""Records as columns: none is changed by how they are put together, and names cost no more than values."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.figures import columns
from telemetry.domain.figures.columns import Columns

SIGNALS = st.dictionaries(st.sampled_from("abcdefghij"), st.integers(-5, 5).map(float), max_size=5)
ROWS = st.lists(st.tuples(st.sampled_from(["v1", "v2", "v3"]), st.integers(0, 9), SIGNALS), max_size=20)


def columns_of(rows: list[tuple[str, int, dict[str, float]]]) -> Columns:
    return columns.of_fields(
        [(vehicle_id, "0x1") for vehicle_id, _, _ in rows],
        np.array([offset for _, offset, _ in rows], np.int32),
        np.array([offset for _, offset, _ in rows], np.int64) + 1,
        [payload for _, _, payload in rows],
    )


def rows_of(found: Columns) -> list[tuple[str, int, dict[str, float]]]:
    vehicles = [found.streams[stream][0] for stream in found.stream.tolist()]
    assert (found.received == found.offset + 1).all()
    return [
        (vehicle_id, offset, dict(payload))
        for vehicle_id, offset, payload in zip(vehicles, found.offset.tolist(), found.payloads(), strict=True)
    ]


@given(ROWS)
def test_columns_hold_what_they_were_made_of(rows):
    assert rows_of(columns_of(rows)) == rows


@given(ROWS, st.data())
def test_parts_put_together_are_the_whole(rows, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    parts = [columns_of(rows[start:end]) for start, end in pairwise([0, *cuts, len(rows)])]
    whole = Columns.concatenate(parts)
    assert rows_of(whole) == rows
    assert list(whole.streams) == sorted(set(whole.streams))


@given(ROWS, st.data())
def test_chosen_records_come_in_the_order_asked_for(rows, data):
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), unique=True)) if rows else []
    found = columns_of(rows).take(np.array(chosen, np.int64))
    assert rows_of(found) == [rows[each] for each in chosen]


@given(ROWS, st.sampled_from("abz"))
def test_a_signal_is_found_in_each_record_that_has_it(rows, name):
    found = columns_of(rows).signal(name)
    expected = [payload.get(name, np.nan) for _, _, payload in rows]
    assert np.array_equal(found, expected, equal_nan=True)


@given(ROWS)
def test_sorted_records_are_in_the_order_of_vehicle_and_time(rows):
    found = rows_of(columns_of(rows).sort())
    assert found == sorted(rows, key=lambda row: row[:2])


def test_no_records_are_columns_too():
    assert Columns.concatenate([]).size == 0
    assert Columns.concatenate([columns_of([]), columns_of([])]).sort().size == 0


def test_names_that_few_records_have_cost_their_values_alone():
    rows = [("v1", at, {f"s{at}_{number}": 1.0 for number in range(64)}) for at in range(300)]
    whole = Columns.concatenate([columns_of(rows[:100]), columns_of(rows[100:])])
    assert whole.dense.size == 0
    assert len(whole.sparse_names) == whole.sparse.value.size == 64 * 300
    assert rows_of(whole) == rows
