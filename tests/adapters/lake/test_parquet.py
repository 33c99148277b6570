"""Compacted records as Parquet: they come back as they were, and other engines read them too."""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.adapters.lake.parquet import SCHEMA, ParquetForm
from telemetry.domain.contract.moment import Hour, start_ms
from telemetry.domain.contract.record import Record
from telemetry.domain.lake import schema
from telemetry.domain.store.objects import DamagedObjectError
from tests.builders import HOUR, NOW, a_record, payloads, some_records
from tests.lake import columns_of, records_of

FORM = ParquetForm()


def written(*parts: list[Record]) -> bytes:
    writer = FORM.writer(HOUR)
    for part in parts:
        writer.add(columns_of(part))
    return writer.close()


def read(data: bytes) -> list[Record]:
    return [record for part in FORM.read("key", data, HOUR) for record in records_of(part)]


@given(
    st.lists(
        st.builds(
            Record,
            timestamp_ms=st.integers(start_ms(HOUR), start_ms(HOUR) + 3_599_999),
            vehicle_id=st.sampled_from(["a", "b", "c:1"]),
            can_id=st.sampled_from(["0x1", "0x1F0", "0x1f0"]),
            payload=payloads(),
            received_ms=st.integers(0, 2**50),
        ),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=100)
def test_records_come_back_as_they_were_in_the_order_of_their_identities(made: list[Record]):
    assert read(written(made)) == records_of(columns_of(made))


def test_every_double_comes_back_to_the_last_bit():
    values = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -1e-9, 2**53 + 1.0, 85.0]
    made = [
        a_record(timestamp_ms=NOW + place, payload={"battery_soc": value, "x": value})
        for place, value in enumerate(values)
    ]
    assert [each.payload for each in read(written(made))] == [each.payload for each in made]


def test_parts_are_row_groups_with_bounds_by_which_a_reader_finds_a_vehicle():
    parts = [some_records(3, vehicle_id=vehicle_id) for vehicle_id in ("a", "b")]
    metadata = pq.read_metadata(pa.BufferReader(written(*parts)))
    groups = [metadata.row_group(each) for each in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [3, 3]
    assert [group.column(0).statistics.min for group in groups] == ["a", "b"]
    assert groups[0].column(0).has_column_index


def test_the_same_records_give_the_same_bytes():
    assert written(some_records(5)) == written(some_records(5))


def test_a_writer_says_how_large_its_object_is_so_far():
    writer = FORM.writer(HOUR)
    before = writer.size
    writer.add(columns_of(some_records(5)))
    assert before < writer.size < len(writer.close())


def test_the_columns_are_those_of_the_schema():
    assert tuple(SCHEMA.names) == schema.COLUMNS


def test_another_engine_reads_types_and_values(tmp_path):
    file = tmp_path / "records.parquet"
    file.write_bytes(written([a_record(payload={"battery_soc": 85.5, "motor_rpm": 9.25})]))
    with duckdb.connect() as db:
        asked = "vehicle_id, can_id, epoch_ms(timestamp), battery_soc, battery_voltage, other_signals['motor_rpm']"
        (row,) = db.execute(f"SELECT {asked} FROM read_parquet(?)", [str(file)]).fetchall()
    assert row == ("veh-00123", "0x1F0", NOW, 85.5, None, 9.25)


def test_a_column_that_an_older_object_lacks_is_read_as_absent():
    table = pq.read_table(pa.BufferReader(written([a_record(payload={"battery_soc": 1.0})])))
    sink = pa.BufferOutputStream()
    pq.write_table(table.drop(["battery_voltage"]), sink)
    (record,) = read(bytes(sink.getvalue()))
    assert record.payload == {"battery_soc": 1.0}


@pytest.mark.parametrize("cut", [0, 10, 200])
def test_damage_is_named_with_the_key(cut):
    with pytest.raises(DamagedObjectError, match="key is damaged"):
        read(written(some_records(3))[:cut])


def test_records_of_another_hour_are_damage():
    with pytest.raises(DamagedObjectError, match="another hour"):
        list(FORM.read("key", written(some_records(1)), Hour(HOUR + 1)))


def test_no_signal_at_all_is_no_trouble():
    made = columns_of(some_records(2, payload={"x": 1.0}))
    writer = FORM.writer(HOUR)
    writer.add(made)
    (part,) = FORM.read("key", writer.close(), HOUR)
    assert list(part.sparse_names or part.dense_names) == ["x"]
    assert np.array_equal(part.received, made.received)
