"""Records of one hour as columns: an array a field, and a row a record.

A signal that at least half of the records have is dense: it is a row of a matrix, with NaN where a record
lacks it. No signal has this value, because the contract takes finite numbers only. All other signals are
sparse: their values stand one behind the other, each with its record and its name. So a signal takes at most
twice the memory of its values, however many names there are.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import chain, count
from typing import Final, Self, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from telemetry.domain.contract.moment import HOUR_MS, Hour, start_ms

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

Stream = tuple[str, str]
"""A vehicle id and a CAN id, whose records belong together."""

Times = Mapping[Stream, Int64s]
"""Timestamps in epoch ms, of each stream in order and once each."""

OFFSET_BITS: Final = 22
"""An hour has fewer than 2 ** 22 milliseconds."""

T = TypeVar("T", Stream, str, tuple[str, ...])
A = TypeVar("A", bound=np.generic)


class Sparse(msgspec.Struct, frozen=True, eq=False):
    """Values of sparse signals: `record` is the place of a record, `name` that of a name."""

    record: Int32s
    name: Int32s
    value: Floats

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        return cls(
            _joined([part.record for part in parts], np.int32),
            _joined([part.name for part in parts], np.int32),
            _joined([part.value for part in parts], np.float64),
        )

    def where(self, chosen: Flags) -> Self:
        return type(self)(self.record[chosen], self.name[chosen], self.value[chosen])


class Columns(msgspec.Struct, frozen=True, eq=False):
    """Records of one hour. `streams` and both tables of names are in order, without repetition.

    `stream` is the place of a record's stream, `offset` its timestamp in ms from the start of the hour,
    `received` its receipt in epoch ms. `dense` has a row a name and a column a record.
    """

    streams: Sequence[Stream]
    stream: Int32s
    offset: Int32s
    received: Int64s
    dense_names: Sequence[str]
    dense: Floats
    sparse_names: Sequence[str]
    sparse: Sparse

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Put records of one hour one behind the other."""
        if len(parts) == 1:
            return parts[0]
        streams, stream_places = unite([part.streams for part in parts])
        tables = [part.dense_names for part in parts] + [part.sparse_names for part in parts]
        names, name_places = unite(tables)
        firsts = np.cumsum([0, *(part.size for part in parts)])
        blocks = [
            _Block(name, int(first), part.dense)
            for part, first, name in zip(parts, firsts, name_places, strict=False)
        ]
        sparse = [
            Sparse(part.sparse.record + np.int32(first), name[part.sparse.name], part.sparse.value)
            for part, first, name in zip(parts, firsts, name_places[len(parts) :], strict=False)
        ]
        return cls(
            streams,
            _joined([place[part.stream] for part, place in zip(parts, stream_places, strict=True)], np.int32),
            _joined([part.offset for part in parts], np.int32),
            _joined([part.received for part in parts], np.int64),
            *_arrange(names, int(firsts[-1]), blocks, Sparse.concatenate(sparse)),
        )

    @property
    def size(self) -> int:
        """Return how many records there are."""
        return self.stream.size

    @property
    def identities(self) -> Int64s:
        """Number the identities of records, in the order of stream and timestamp."""
        return self.stream.astype(np.int64) << OFFSET_BITS | self.offset

    def take(self, records: Int64s) -> Self:
        """Choose records by their places, each once, in this order."""
        sparse = self.sparse
        if sparse.record.size:
            moved = np.full(self.size, -1, np.int32)
            moved[records] = np.arange(records.size, dtype=np.int32)
            at = moved[sparse.record]
            sparse = Sparse(at, sparse.name, sparse.value).where(at >= 0)
        return type(self)(
            self.streams,
            self.stream[records],
            self.offset[records],
            self.received[records],
            self.dense_names,
            np.take(self.dense, records, axis=1),
            self.sparse_names,
            sparse,
        )

    def of_vehicles(self, vehicles: Container[str]) -> Self:
        """Choose the records of some vehicles, and copy them."""
        is_chosen = np.array([vehicle_id in vehicles for vehicle_id, _ in self.streams], np.bool_)
        if is_chosen.all():
            return self
        chosen = self.take(np.flatnonzero(is_chosen[self.stream]))
        moved = (np.cumsum(is_chosen) - 1).astype(np.int32)
        streams = [self.streams[place] for place in np.flatnonzero(is_chosen).tolist()]
        return msgspec.structs.replace(chosen, streams=streams, stream=moved[chosen.stream])

    def order(self) -> Int64s | None:
        """Return the places of records in the order of their identities; None if that is how they are."""
        identities = self.identities
        if (identities[1:] >= identities[:-1]).all():
            return None
        return np.argsort(identities, kind="stable")

    def sort(self) -> Self:
        """Put records in the order of their identities."""
        order = self.order()
        return self if order is None else self.take(order)

    def signal(self, name: str) -> Floats:
        """Return the value of a signal in each record, NaN where it lacks it."""
        if name in self.dense_names:
            found: Floats = self.dense[self.dense_names.index(name)]
            return found
        values = np.full(self.size, np.nan)
        if name in self.sparse_names:
            chosen = self.sparse.where(self.sparse.name == self.sparse_names.index(name))
            values[chosen.record] = chosen.value
        return values

    def payloads(self) -> Sequence[Mapping[str, float]]:
        """Return the signals of each record by name."""
        found = self.sparse_payloads()
        for name, row in zip(self.dense_names, self.dense, strict=True):
            for record in np.flatnonzero(~np.isnan(row)).tolist():
                found[record][name] = float(row[record])
        return found

    def sparse_payloads(self) -> Sequence[dict[str, float]]:
        """Return the sparse signals of each record by name."""
        found: list[dict[str, float]] = [{} for _ in range(self.size)]
        values = zip(
            self.sparse.record.tolist(), self.sparse.name.tolist(), self.sparse.value.tolist(), strict=True
        )
        for record, name, value in values:
            found[record][self.sparse_names[name]] = value
        return found


def of_fields(
    streams: Iterable[Stream],
    offsets: Int32s,
    received: Int64s,
    payloads: Sequence[dict[str, float]],
) -> Columns:
    """Make columns of the fields of records."""
    named, stream = number(streams, offsets.size)
    layouts, layout = number(map(tuple, payloads), offsets.size)
    names, name = number(chain.from_iterable(layouts), sum(map(len, layouts)))
    lengths = np.array([len(each) for each in layouts], np.int64)
    firsts = np.cumsum(lengths) - lengths
    record = np.repeat(np.arange(offsets.size, dtype=np.int32), lengths[layout])
    value = np.fromiter(chain.from_iterable(map(dict.values, payloads)), np.float64, record.size) + 0.0
    # The names of a record lie one behind the other where those of its layout begin.
    begins = np.cumsum(lengths[layout]) - lengths[layout]
    name = name[np.arange(record.size) - (begins - firsts[layout])[record]]
    signals = _arrange(names, offsets.size, [], Sparse(record, name, value))
    return Columns(named, stream, offsets, received, *signals)


def of_signals(  # noqa: PLR0913, PLR0917  # the fields of records, and the two kinds of signals
    streams: Sequence[Stream],
    stream: Int32s,
    offsets: Int32s,
    received: Int64s,
    rows: tuple[Sequence[str], Floats],
    rest: tuple[Sequence[str], Sparse],
) -> Columns:
    """Make columns of signals that are rows of a matrix with a name each, and of others that are sparse."""
    (row_names, values), (rest_names, sparse) = rows, rest
    names, (row, name) = unite([row_names, rest_names])
    block, named = _Block(row, 0, values), Sparse(sparse.record, name[sparse.name], sparse.value)
    return Columns(streams, stream, offsets, received, *_arrange(names, offsets.size, [block], named))


def offsets_of(timestamps_ms: Int64s, hour: Hour) -> Int32s:
    """Return how far timestamps are from the start of their hour. Raise ValueError if one is of another."""
    offsets = timestamps_ms - start_ms(hour)
    if offsets.size and not 0 <= int(offsets.min()) <= int(offsets.max()) < HOUR_MS:
        raise ValueError("it belongs to another hour")
    return offsets.astype(np.int32)


def number(values: Iterable[T], size: int) -> tuple[Sequence[T], Int32s]:
    """Return the different ones of `size` values in their order, and the place of each value among them."""
    seen: defaultdict[T, int] = defaultdict(count().__next__)
    found = np.fromiter(map(seen.__getitem__, values), np.int32, size)
    ordered = sorted(seen)
    place = np.empty(len(ordered), np.int32)
    place[[seen[each] for each in ordered]] = np.arange(len(ordered), dtype=np.int32)
    return ordered, place[found]


def unite(tables: Sequence[Sequence[T]]) -> tuple[Sequence[T], Sequence[Int32s]]:
    """Return all values of the tables in their order, and for each table the places of its values."""
    ordered = sorted(set(chain.from_iterable(tables)))
    place = {each: at for at, each in enumerate(ordered)}
    return ordered, [np.fromiter(map(place.__getitem__, table), np.int32, len(table)) for table in tables]


class _Block(msgspec.Struct, frozen=True, eq=False):
    """Rows of values of consecutive records, from `first` on; `name` has the place of each row's name."""

    name: Int32s
    first: int
    values: Floats

    def rows(self, chosen: Flags) -> Self:
        return type(self)(self.name[chosen], self.first, self.values[chosen])

    def sparse(self) -> Sparse:
        row, record = np.nonzero(~np.isnan(self.values))
        return Sparse((record + self.first).astype(np.int32), self.name[row], self.values[row, record])


def _arrange(
    names: Sequence[str], size: int, blocks: Sequence[_Block], sparse: Sparse
) -> tuple[Sequence[str], Floats, Sequence[str], Sparse]:
    """Decide which of these names are dense, and move each value to where it belongs."""
    counts = np.bincount(sparse.name, minlength=len(names))
    for block in blocks:
        counts[block.name] += block.values.shape[1]
    is_dense = 2 * counts >= size
    place = (np.where(is_dense, np.cumsum(is_dense), np.cumsum(~is_dense)) - 1).astype(np.int32)
    dense = np.full((int(is_dense.sum()), size), np.nan)
    rest = [sparse.where(~is_dense[sparse.name])]
    sparse = sparse.where(is_dense[sparse.name])
    dense[place[sparse.name], sparse.record] = sparse.value
    for block in blocks:
        stays = is_dense[block.name]
        rows = block if stays.all() else block.rows(stays)
        dense[place[rows.name], rows.first : rows.first + rows.values.shape[1]] = rows.values
        if not stays.all():
            rest.append(block.rows(~stays).sparse())
    left = Sparse.concatenate(rest)
    return (
        [names[at] for at in np.flatnonzero(is_dense).tolist()],
        dense,
        [names[at] for at in np.flatnonzero(~is_dense).tolist()],
        Sparse(left.record, place[left.name], left.value),
    )


def _joined(parts: Sequence[npt.NDArray[A]], kind: type[A]) -> npt.NDArray[A]:
    return np.concatenate([np.zeros(0, kind), *parts])
