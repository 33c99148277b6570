"""Compacted objects in an Iceberg table: they are read where they lie, by pyiceberg and by DuckDB."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.adapters.lake.iceberg import IcebergRegister
from telemetry.adapters.lake.parquet import ParquetForm
from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.contract.record import Record
from telemetry.domain.lake import manifest
from tests.builders import HOUR, NOW, some_records
from tests.lake import columns_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


@pytest.fixture
def register(tmp_path: Path) -> Iterator[IcebergRegister]:
    made = IcebergRegister(tmp_path / "iceberg", (tmp_path / "data").as_uri())
    yield made
    made.close()


def put(root: Path, revision: int, *records: Record, hour: Hour = HOUR) -> str:
    """Write an object as a compaction does; return its key."""
    writer = ParquetForm().writer(hour)
    writer.add(columns_of(records, hour))
    data = writer.close()
    key = manifest.content_key(hour, revision, "records", NOW, data, ".parquet")
    file = root / "data" / key
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return key


def rows(register: IcebergRegister) -> list[tuple[str, int]]:
    """Ask DuckDB for what the table has."""
    asked = "SELECT vehicle_id, count(*) FROM records GROUP BY ALL ORDER BY ALL"
    with register.table().scan().to_duckdb("records") as db:
        return list(db.execute(asked).fetchall())


async def test_objects_are_read_by_pyiceberg_and_by_duckdb_without_a_copy(
    tmp_path: Path, register: IcebergRegister
):
    key = put(tmp_path, 1, *some_records(3, vehicle_id="a", payload={"battery_soc": 1.5, "x": 2.0}))
    assert await register.register(HOUR, [key])
    table = register.table().scan().to_arrow()
    assert table.column("battery_soc").to_pylist() == [1.5] * 3
    assert table.column("other_signals").to_pylist() == [[("x", 2.0)]] * 3
    assert rows(register) == [("a", 3)]
    assert not list((tmp_path / "iceberg").rglob("*.parquet"))


async def test_another_revision_replaces_the_objects_of_its_hour_and_no_others(
    tmp_path: Path, register: IcebergRegister
):
    later = some_records(2, start=NOW + HOUR_MS, vehicle_id="z")
    await register.register(Hour(HOUR + 1), [put(tmp_path, 1, *later, hour=Hour(HOUR + 1))])
    first = put(tmp_path, 1, *some_records(3, vehicle_id="a"))
    assert await register.register(HOUR, [first])
    assert not await register.register(HOUR, [first])
    second = put(tmp_path, 2, *some_records(3, vehicle_id="a"), *some_records(1, vehicle_id="b"))
    assert await register.register(HOUR, [second])
    assert rows(register) == [("a", 3), ("b", 1), ("z", 2)]
    assert not list((tmp_path / "iceberg").rglob("*.parquet"))
