"""Compacted records as Parquet. Only this module and `iceberg` use pyarrow.

Signals have few decimals, so that a dictionary of the values of a row group is the smallest encoding, before
zstd. Moments are differences from each other. Records are in the order of vehicle, CAN id and time. So the
bounds of row groups and pages tell a reader which of them hold a vehicle.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from telemetry.domain.contract.moment import Hour, start_ms
from telemetry.domain.figures import columns
from telemetry.domain.figures.columns import Columns, Floats, Int32s, Sparse, Stream
from telemetry.domain.lake import schema
from telemetry.domain.store.objects import DamagedObjectError

_LEVEL: Final = 9  # of zstd: 3 % smaller than level 3, and reads as fast

_MOMENT: Final = pa.timestamp("ms", tz="UTC")
SCHEMA: Final = pa.schema(
    [
        pa.field(schema.VEHICLE, pa.string(), nullable=False),
        pa.field(schema.CAN, pa.string(), nullable=False),
        pa.field(schema.TIMESTAMP, _MOMENT, nullable=False),
        pa.field(schema.RECEIVED, _MOMENT, nullable=False),
        *(pa.field(name, pa.float64()) for name in schema.SIGNALS),
        pa.field(schema.OTHERS, pa.map_(pa.string(), pa.float64())),
    ]
)
"""The columns of an object."""

_MOMENTS: Final = (schema.TIMESTAMP, schema.RECEIVED)
_ENCODINGS: Final = dict.fromkeys(_MOMENTS, "DELTA_BINARY_PACKED")
_KEYS, _ITEMS = (f"{schema.OTHERS}.key_value.{each}" for each in ("key", "value"))
_DICTIONARIES: Final = [schema.VEHICLE, schema.CAN, *schema.SIGNALS, _KEYS, _ITEMS]
_ORDER: Final = [pq.SortingColumn(SCHEMA.names.index(name)) for name in schema.COLUMNS[:3]]


class ParquetForm:
    """Objects that any engine reads."""

    ending: str = ".parquet"

    def writer(self, hour: Hour) -> "ParquetWriter":
        return ParquetWriter(hour)

    def read(self, key: str, data: bytes, hour: Hour, only: int | None = None) -> Iterator[Columns]:
        try:
            file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=[schema.VEHICLE, schema.CAN])
            for group in range(file.num_row_groups) if only is None else [only]:
                yield _columns(file.read_row_group(group, use_threads=False), hour)
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise DamagedObjectError(key, str(error)) from error


class ParquetWriter:
    """An object in memory."""

    def __init__(self, hour: Hour) -> None:
        self._hour = hour
        self._sink = pa.BufferOutputStream()
        self._writer = pq.ParquetWriter(
            self._sink,
            SCHEMA,
            compression="zstd",
            compression_level=_LEVEL,
            use_dictionary=_DICTIONARIES,
            column_encoding=_ENCODINGS,
            sorting_columns=_ORDER,
            write_page_index=True,
            store_schema=False,
        )

    @property
    def size(self) -> int:
        return int(self._sink.tell())

    def add(self, columns: Columns) -> None:
        self._writer.write_table(_table(columns, self._hour), row_group_size=columns.size)

    def close(self) -> bytes:
        self._writer.close()
        return bytes(self._sink.getvalue())


def _table(records: Columns, hour: Hour) -> Any:  # noqa: ANN401  # pyarrow has no types
    vehicles, can_ids = (pa.array([each[at] for each in records.streams], pa.string()) for at in (0, 1))
    stream = pa.array(records.stream)
    timestamps = records.offset.astype(np.int64) + start_ms(hour)
    known = [pa.array(records.signal(name), from_pandas=True) for name in schema.SIGNALS]
    moments = [pa.array(each).cast(_MOMENT) for each in (timestamps, records.received)]
    arrays = [vehicles.take(stream), can_ids.take(stream), *moments, *known, _others(records)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _others(records: Columns) -> Any:  # noqa: ANN401  # pyarrow has no types
    """Make the map of the signals that have no column of their own."""
    names = [*records.dense_names, *records.sparse_names]
    is_other = np.array([name not in schema.SIGNALS for name in names], np.bool_)
    row, record = np.nonzero(~np.isnan(records.dense) & is_other[: len(records.dense_names), np.newaxis])
    sparse = records.sparse
    chosen = sparse.where(is_other[len(records.dense_names) :][sparse.name])
    name = np.concatenate([row, chosen.name + len(records.dense_names)])
    place = np.concatenate([record, chosen.record])
    value = np.concatenate([records.dense[row, record], chosen.value])
    order = np.lexsort((np.array(names, np.str_)[name] if names else name, place))
    firsts = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=records.size))])
    keys = pa.array(names, pa.string()).take(pa.array(name[order]))
    return pa.MapArray.from_arrays(pa.array(firsts, pa.int32()), keys, pa.array(value[order], pa.float64()))


def _columns(table: Any, hour: Hour) -> Columns:  # noqa: ANN401  # pyarrow has no types
    """Make columns of the records of a row group."""
    streams, stream = _streams(table)
    timestamps, received = (_one(table, name).cast(pa.int64()).to_numpy() for name in _MOMENTS)
    known = [name for name in schema.SIGNALS if name in table.column_names]
    rows = [(name, array) for name in known if (array := _one(table, name)).null_count < len(array)]
    dense = np.empty((len(rows), table.num_rows))
    for row, (_, array) in zip(dense, rows, strict=True):
        row[:] = array.to_numpy(zero_copy_only=False)
    names, sparse = _sparse(table)
    return columns.of_signals(
        streams,
        stream,
        columns.offsets_of(timestamps, hour),
        np.array(received),
        ([name for name, _ in rows], dense),
        (names, sparse),
    )


def _streams(table: Any) -> tuple[Sequence[Stream], Int32s]:  # noqa: ANN401  # pyarrow has no types
    vehicle, can = _one(table, schema.VEHICLE), _one(table, schema.CAN)
    can_ids = can.dictionary.to_pylist()
    pair = vehicle.indices.to_numpy().astype(np.int64) * len(can_ids) + can.indices.to_numpy()
    starts = np.flatnonzero(np.append(True, pair[1:] != pair[:-1])[: pair.size])
    vehicle_ids = vehicle.dictionary.to_pylist()
    named = [(vehicle_ids[each // len(can_ids)], can_ids[each % len(can_ids)]) for each in pair[starts]]
    streams, place = columns.number(named, len(named))
    return streams, np.repeat(place, np.diff(np.append(starts, pair.size)))


def _sparse(table: Any) -> tuple[Sequence[str], Sparse]:  # noqa: ANN401  # pyarrow has no types
    others = _one(table, schema.OTHERS)
    names, name = columns.number(others.keys.to_pylist(), len(others.keys))
    record = np.repeat(np.arange(len(others), dtype=np.int32), np.diff(others.offsets.to_numpy()))
    values: Floats = others.items.to_numpy(zero_copy_only=False)
    return names, Sparse(record, name, values)


def _one(table: Any, name: str) -> Any:  # noqa: ANN401  # pyarrow has no types
    """Return a column as one array."""
    return table.column(name).combine_chunks()
