"""Runs: the records of some vehicles in some objects are found, whatever else a run holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.figures import run
from telemetry.domain.figures.packed import DamagedError
from telemetry.domain.figures.run import PackedRun, Part
from telemetry.domain.store.objects import LineFaults
from tests.unit.figures.test_columns import ROWS, columns_of, rows_of

PARTS = st.lists(ROWS, min_size=1, max_size=4)
NAMES = st.sets(st.sampled_from("0123"))
VEHICLES = st.sets(st.sampled_from(["v1", "v2", "v3", "v4"]))


def a_run(parts: list[list[tuple[str, int, dict[str, float]]]]) -> run.Run:
    return run.of({str(at): Part(columns_of(rows), LineFaults()) for at, rows in enumerate(parts)})


def in_order(rows: list[tuple[str, int, dict[str, float]]]) -> list[tuple[str, int, list[tuple[str, float]]]]:
    return sorted((vehicle_id, offset, sorted(payload.items())) for vehicle_id, offset, payload in rows)


@given(PARTS, NAMES, VEHICLES)
def test_the_records_of_some_vehicles_in_some_objects_are_found(parts, names, vehicles):
    packed = PackedRun(memoryview(run.pack(a_run(parts))))
    found = packed.columns(vehicles, names)
    wanted = [row for at, rows in enumerate(parts) if str(at) in names for row in rows if row[0] in vehicles]
    assert in_order(rows_of(found)) == in_order(wanted)
    assert (np.diff(found.identities) >= 0).all()
    assert set(packed.sizes()) == {vehicle_id for rows in parts for vehicle_id, _, _ in rows}
    assert sum(packed.sizes().values()) == sum(map(len, parts))


def test_of_scattered_vehicles_only_theirs_are_found():
    rows = [(vehicle_id, at, {"a": 1.0}) for vehicle_id in ("v1", "v2", "v3") for at in range(3)]
    found = PackedRun(memoryview(run.pack(a_run([rows])))).columns({"v1", "v3"}, {"0"})
    assert rows_of(found) == [row for row in rows if row[0] != "v2"]
    assert found.of_vehicles({"v1", "v3"}) is found


@given(PARTS)
def test_the_span_is_from_the_first_offset_to_the_last(parts):
    offsets = [offset for rows in parts for _, offset, _ in rows]
    assert a_run(parts).span() == ((min(offsets), max(offsets)) if offsets else (0, -1))


def test_damage_shows_in_the_vehicles_that_it_hit():
    rows = [(vehicle_id, at, {"a": 1.0}) for vehicle_id in ("v1", "v2") for at in range(5000)]
    data = bytearray(run.pack(a_run([rows])))
    data[-30_000] ^= 1  # the origin of the last records, and the value of none
    data[-50_000] ^= 1
    packed = PackedRun(memoryview(data))
    assert packed.columns({"v1"}, {"0"}).size == 5000
    with pytest.raises(DamagedError):
        packed.columns({"v2"}, {"0"})
