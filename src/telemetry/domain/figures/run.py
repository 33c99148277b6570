"""A run: the records of some objects in the order of their identities, so that a vehicle's lie together.

As bytes, a vehicle's records can be read without the rest.
"""

from collections import Counter
from collections.abc import Container, Mapping
from typing import Final, NamedTuple

import msgspec
import numpy as np

from telemetry.domain.figures import packed
from telemetry.domain.figures.columns import Columns, Int32s, Int64s, Sparse, Stream
from telemetry.domain.figures.packed import Array, Packed
from telemetry.domain.store.objects import LineFaults

_STARTS, _OFFSET, _RECEIVED, _DENSE, _ORIGIN, _RECORD, _NAME, _VALUE = range(8)


class Part(NamedTuple):
    """What one object of the raw store holds, and which of its lines are no records of the hour."""

    columns: Columns
    faults: LineFaults


class Run(msgspec.Struct, frozen=True, eq=False):
    """Records of some objects. `origin` is the place of each record's object in `objects`."""

    objects: Mapping[str, LineFaults]
    columns: Columns
    origin: Int32s

    def span(self) -> tuple[int, int]:
        """Return the first and the last offset of the records; of none, an end before the start."""
        offset = self.columns.offset
        return (int(offset.min()), int(offset.max())) if offset.size else (0, -1)


class _Rest(msgspec.Struct, frozen=True, array_like=True):
    objects: list[str]
    streams: list[Stream]
    dense_names: list[str]
    sparse_names: list[str]


_rest: Final = msgspec.msgpack.Decoder(_Rest).decode


def of(parts: Mapping[str, Part]) -> Run:
    """Put what objects hold together."""
    columns = Columns.concatenate([part.columns for part in parts.values()])
    origin = np.repeat(np.arange(len(parts), dtype=np.int32), [part.columns.size for part in parts.values()])
    order = columns.order()
    faults = {name: part.faults for name, part in parts.items()}
    return Run(faults, columns, origin) if order is None else Run(faults, columns.take(order), origin[order])


def pack(run: Run) -> bytes:
    """Write a run."""
    columns, sparse = run.columns, run.columns.sparse
    order = np.argsort(sparse.record, kind="stable")
    rest = _Rest(
        list(run.objects), list(columns.streams), list(columns.dense_names), list(columns.sparse_names)
    )
    starts = np.searchsorted(columns.stream, np.arange(len(columns.streams) + 1))
    arrays: list[Array] = [starts, columns.offset, columns.received, columns.dense, run.origin]
    return packed.pack(rest, [*arrays, sparse.record[order], sparse.name[order], sparse.value[order]])


class PackedRun:
    """A run as bytes. Each method raises DamagedError if what it looks at is not what was packed."""

    def __init__(self, data: memoryview) -> None:
        self._packed = Packed(data)
        self._rest = _rest(self._packed.rest)
        self._starts: Int64s = self._packed.array(_STARTS)

    def sizes(self) -> Mapping[str, int]:
        """Return how many records each vehicle has."""
        sizes: Counter[str] = Counter()
        for (vehicle_id, _), size in zip(self._rest.streams, np.diff(self._starts).tolist(), strict=True):
            sizes[vehicle_id] += size
        return sizes

    def columns(
        self, vehicles: Container[str], objects: Container[str], signals: Container[str] | None = None
    ) -> Columns:
        """Return the records that some vehicles have in some objects, maybe only some signals of them."""
        chosen = np.flatnonzero([vehicle_id in vehicles for vehicle_id, _ in self._rest.streams])
        if not chosen.size:
            return Columns.concatenate([])
        low, high = int(chosen[0]), int(chosen[-1]) + 1
        found = self._between(low, high, signals)
        if any(name not in objects for name in self._rest.objects):
            found = found.take(self._from(objects, low, high))
        return found if chosen.size == high - low else found.of_vehicles(vehicles)

    def _between(self, low: int, high: int, signals: Container[str] | None) -> Columns:
        """Return the records of consecutive streams."""
        first, end = int(self._starts[low]), int(self._starts[high])
        sizes = np.diff(self._starts[low : high + 1])
        offset, received = (self._packed.array(each, first, end) for each in (_OFFSET, _RECEIVED))
        names = self._rest.dense_names
        rows = [row for row, name in enumerate(names) if signals is None or name in signals]
        is_sparse = signals is None or any(name in signals for name in self._rest.sparse_names)
        return Columns(
            self._rest.streams[low:high],
            np.repeat(np.arange(high - low, dtype=np.int32), sizes),
            offset,
            received,
            [names[row] for row in rows],
            self._packed.array(_DENSE, first, end, None if len(rows) == len(names) else rows),
            self._rest.sparse_names,
            self._sparse(first, end) if is_sparse else Sparse.concatenate([]),
        )

    def _sparse(self, first: int, end: int) -> Sparse:
        record = self._packed.array(_RECORD)
        low, high = (int(place) for place in np.searchsorted(record, [first, end]))
        name, value = (self._packed.array(each, low, high) for each in (_NAME, _VALUE))
        return Sparse(record[low:high] - np.int32(first), name, value)

    def _from(self, objects: Container[str], low: int, high: int) -> Int64s:
        """Return the places of the records between two streams that some objects hold."""
        is_in = np.array([name in objects for name in self._rest.objects], np.bool_)
        first, end = int(self._starts[low]), int(self._starts[high])
        return np.flatnonzero(is_in[self._packed.array(_ORIGIN, first, end)])
