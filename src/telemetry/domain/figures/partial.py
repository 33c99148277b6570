"""What records add up to, by stream and by signal: parts can be merged in any order, and stay exact."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Self

import msgspec
import numpy as np

from telemetry.domain.figures import adding, copies
from telemetry.domain.figures.columns import Columns, Flags, Int32s, Int64s, Stream, unite
from telemetry.domain.figures.copies import Unique
from telemetry.domain.figures.entries import Entries

MAX_NAMES: Final = 1000
"""Signals that a stream has figures of at the most, if the caller does not say otherwise."""

BY_STREAM: Final = ("records", "duplicates", "conflicting", "first", "last", "left_out")
"""The fields of a partial result that have a value a stream."""


class Partial(msgspec.Struct, frozen=True, eq=False):
    """Unique records of some streams, added up.

    By stream: how many records it has, how many copies of them do not count, and how many of these conflict;
    its first and its last offset; and how many values it has of signals beyond the bound on names. `entries`
    has the signals: their `stream` and `name` are places in the tables.
    """

    streams: Sequence[Stream]
    records: Int64s
    duplicates: Int64s
    conflicting: Int64s
    first: Int64s
    last: Int64s
    left_out: Int64s
    names: Sequence[str]
    entries: Entries

    @classmethod
    def of(cls, found: Unique, max_names: int = MAX_NAMES) -> Self:
        """Add up the records that count."""
        unique = found.records
        starts = np.flatnonzero(np.append(True, unique.stream[1:] != unique.stream[:-1])[: unique.size])
        bounds = np.append(starts, unique.size)
        names, (dense, sparse) = unite([unique.dense_names, unique.sparse_names])
        partial = cls(
            [unique.streams[each] for each in unique.stream[starts]],
            np.diff(bounds),
            found.duplicates[unique.stream[starts]],
            found.conflicting[unique.stream[starts]],
            unique.offset[starts].astype(np.int64),
            unique.offset[bounds[1:] - 1].astype(np.int64),
            np.zeros(starts.size, np.int64),
            names,
            adding.entries(unique, starts, dense, sparse),
        )
        return partial.bounded(max_names)

    @classmethod
    def nothing(cls) -> Self:
        """Return what no records add up to."""
        return cls.of(copies.unique(Columns.concatenate([])))

    @classmethod
    def merge(cls, parts: Sequence[Self], max_names: int = MAX_NAMES) -> Self:
        """Add up parts that have no record in common."""
        streams, stream_places = unite([part.streams for part in parts])
        names, name_places = unite([part.names for part in parts])
        order, starts = _by_value(np.concatenate([np.zeros(0, np.int32), *stream_places]))
        entries = [
            part.entries.renamed(stream, name)
            for part, stream, name in zip(parts, stream_places, name_places, strict=True)
        ]

        def added(ufunc: np.ufunc, field: str) -> Int64s:
            whole: Int64s = np.concatenate([getattr(part, field) for part in parts])[order]
            return np.asarray(ufunc.reduceat(whole, starts)) if starts.size else whole

        merged = cls(
            streams,
            added(np.add, "records"),
            added(np.add, "duplicates"),
            added(np.add, "conflicting"),
            added(np.minimum, "first"),
            added(np.maximum, "last"),
            added(np.add, "left_out"),
            names,
            Entries.concatenate(entries).add_up(),
        )
        return merged.bounded(max_names)

    @property
    def conflicts(self) -> AbstractSet[str]:
        """Return the vehicles that have copies with another payload than the one that counts."""
        return {self.streams[place][0] for place in np.flatnonzero(self.conflicting).tolist()}

    def without(self, vehicles: Collection[str]) -> Self:
        """Leave out the streams of some vehicles."""
        if not vehicles or not self.streams:
            return self
        return self._where(np.array([vehicle_id not in vehicles for vehicle_id, _ in self.streams], np.bool_))

    def of_vehicles(self, vehicles: Collection[str]) -> Self:
        """Choose the streams of some vehicles."""
        return self._where(np.array([vehicle_id in vehicles for vehicle_id, _ in self.streams], np.bool_))

    def _where(self, kept: Flags) -> Self:
        places = np.flatnonzero(kept)
        moved = (np.cumsum(kept) - 1).astype(np.int32)
        entries = self.entries.take(np.flatnonzero(kept[self.entries.stream]))
        names = np.arange(len(self.names), dtype=np.int32)
        return msgspec.structs.replace(
            self,
            streams=[self.streams[place] for place in places.tolist()],
            entries=entries.renamed(moved, names),
            **{field: getattr(self, field)[places] for field in BY_STREAM},
        )

    def by_vehicles(self, most: int) -> Iterator[Self]:
        """Split it into parts of `most` streams, if no vehicle has more; one that has is a part."""
        vehicles = [vehicle_id for vehicle_id, _ in self.streams]
        first = 0
        while first < len(vehicles):
            end = min(first + most, len(vehicles))
            end = max(bisect_left(vehicles, vehicles[end]), first + 1) if end < len(vehicles) else end
            end = bisect_right(vehicles, vehicles[end - 1])
            yield self._between(first, end)
            first = end

    def _between(self, first: int, end: int) -> Self:
        entries = self.entries.between(*np.searchsorted(self.entries.stream, [first, end]).tolist())
        return msgspec.structs.replace(
            self,
            streams=self.streams[first:end],
            entries=msgspec.structs.replace(entries, stream=entries.stream - np.int32(first)),
            **{field: getattr(self, field)[first:end] for field in BY_STREAM},
        )

    def by_vehicle(self) -> Self:
        """Add up the streams of each vehicle, and keep its id as the name of one stream."""
        vehicles = msgspec.structs.replace(self, streams=[(each, "") for each, _ in self.streams])
        return self.merge([vehicles], max_names=len(self.names))

    def bounded(self, max_names: int) -> Self:
        """Keep of each stream the signals that come first by name, and count the values of the others.

        What is left out once stays so, because further records can only bring more names that come before.
        """
        entries = self.entries
        firsts = np.searchsorted(entries.stream, np.arange(len(self.streams)))
        is_kept = np.arange(entries.stream.size) - firsts[entries.stream] < max_names
        if is_kept.all():
            return self
        left_out = self.left_out.copy()
        np.add.at(left_out, entries.stream[~is_kept], entries.count[~is_kept])
        kept = entries.take(np.flatnonzero(is_kept))
        used = np.unique(kept.name)
        place = np.zeros(len(self.names), np.int32)
        place[used] = np.arange(used.size, dtype=np.int32)
        stream = np.arange(len(self.streams), dtype=np.int32)
        names = [self.names[each] for each in used]
        kept = kept.renamed(stream, place)
        return msgspec.structs.replace(self, left_out=left_out, names=names, entries=kept)


def _by_value(places: Int32s) -> tuple[Int64s, Int64s]:
    """Return the order of places, and where in it each different one begins."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    return order, np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: ordered.size])
