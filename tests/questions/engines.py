"""Engines that read the files of a store by themselves, each in its own way.

Each takes a record once by the platform's rule, if it reads lines: the copy received first, and of these the
one with the lowest values, in the order of the names of the signals.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import datafusion
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from telemetry.adapters.sql.database import Database, SourceFiles
from telemetry.domain.contract.signals import KNOWN
from tests.questions.store import Store

Rows = Sequence[tuple[Any, ...]]

_IDENTITY: Final = ("vehicle_id", "can_id", "timestamp")
_BY_NAME: Final = sorted(KNOWN)
_LINE: Final = pa.schema(
    [
        ("timestamp", pa.string()),
        ("vehicle_id", pa.string()),
        ("can_id", pa.string()),
        ("payload", pa.struct([(name, pa.float64()) for name in KNOWN])),
        ("ingest_received_at", pa.string()),
    ]
)


def duckdb(store: Store, question: str) -> Rows:
    """Answer as `telemetry query` does."""
    files = SourceFiles(("records", "figures"), store.lines, store.parquet, (), store.figures)
    with TemporaryDirectory() as folder, Database(files, [Path("/")], Path(folder)) as database:
        return [tuple(row) for row in database.table(question, 1_000_000).rows]


def polars(store: Store, question: str) -> Rows:
    """Answer by the SQL of Polars, over its own frames."""
    if store.parquet:
        records = pl.scan_parquet([*store.parquet], hive_partitioning=False)
    else:
        payload = pl.Struct(dict.fromkeys(KNOWN, pl.Float64))
        schema = dict.fromkeys((*_IDENTITY, "ingest_received_at"), pl.String) | {"payload": payload}
        order = [*_IDENTITY, "ingest_received_at", *_BY_NAME]
        records = (
            pl.scan_ndjson([*store.lines], schema=schema)
            .unnest("payload")
            .sort(order, nulls_last=True)
            .unique(_IDENTITY, keep="first", maintain_order=True)
            .with_columns(pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ"))
        )
    records = records.with_columns(hour=pl.col("timestamp").dt.truncate("1h").dt.replace_time_zone(None))
    figures, hours = pl.from_arrow(_figures(store)), pl.from_arrow(_hours(store))
    with pl.SQLContext(records=records, figures=figures, hours=hours) as context:
        return context.execute(question, eager=True).rows()


def fusion(store: Store, question: str) -> Rows:
    """Answer by DataFusion, over its own tables."""
    context = datafusion.SessionContext()
    if store.parquet:
        context.from_arrow(ds.dataset(store.parquet).to_table(), "stored")
    else:
        context.from_arrow(ds.dataset(store.lines, schema=_LINE, format="json").to_table(), "lines")
        values = ", ".join(f"payload['{name}'] AS {name}" for name in KNOWN)
        order = ", ".join(f"{name} NULLS LAST" for name in _BY_NAME)
        context.sql(
            f"CREATE VIEW stored AS SELECT * FROM (SELECT *, row_number() OVER ("
            f"PARTITION BY vehicle_id, can_id, timestamp ORDER BY ingest_received_at, {order}) AS place "
            f"FROM (SELECT vehicle_id, can_id, timestamp, ingest_received_at, {values} FROM lines)) WHERE place = 1"
        )
    context.sql(
        "CREATE VIEW records AS SELECT *, date_trunc('hour', CAST(timestamp AS TIMESTAMP)) AS hour FROM stored"
    )
    context.from_arrow(_figures(store), "figures")
    context.from_arrow(_hours(store), "hours")
    return [tuple(row.values()) for row in context.sql(question).to_pylist()]


def arrow_records(store: Store) -> pa.Table:
    """Return the records by pyarrow alone."""
    if store.parquet:
        table = ds.dataset(store.parquet).to_table()
        moments = table["timestamp"].cast(pa.timestamp("ms"))
    else:
        table = ds.dataset(store.lines, schema=_LINE, format="json").to_table().flatten()
        table = table.rename_columns([name.removeprefix("payload.") for name in table.column_names])
        order = [(name, "ascending") for name in (*_IDENTITY, "ingest_received_at", *_BY_NAME)]
        table = table.sort_by(order)
        table = table.append_column("place", pa.array(range(table.num_rows)))
        kept = table.group_by(_IDENTITY, use_threads=False).aggregate([("place", "min")])
        table = table.take(kept["place_min"])
        moments = pc.strptime(pc.utf8_slice_codeunits(table["timestamp"], 0, 19), "%Y-%m-%dT%H:%M:%S", "s")
    return table.append_column("hour", pc.floor_temporal(moments, unit="hour").cast(pa.timestamp("us")))


def arrow_figures(store: Store) -> pa.Table:
    return _figures(store)


def arrow_hours(store: Store) -> pa.Table:
    return _hours(store)


def _figures(store: Store) -> pa.Table:
    return _with_hours(store.figure_rows)


def _hours(store: Store) -> pa.Table:
    return _with_hours([each | {"state": None} for each in store.hour_rows])


def _with_hours(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    table = pa.Table.from_pylist(list(rows))
    hour = pc.strptime(pc.utf8_slice_codeunits(table["hour"], 0, 19), "%Y-%m-%dT%H:%M:%S", "us")
    return table.set_column(table.schema.get_field_index("hour"), "hour", hour)
