"""The figures of one hour as a fold over its lines that can be split anywhere and merged in any order.

While it folds, it only collects columns. What counts is decided once, at the end, on sorted records
(`copies`). Sums are exact until they are rounded, once (`sums`). So no order of arrival and no place of a
split can change a bit of a figure.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, Self

import msgspec
import numpy as np

from telemetry.domain.contract.moment import Hour, format_timestamp, start_ms
from telemetry.domain.figures import copies, coverage, lines
from telemetry.domain.figures.columns import Columns
from telemetry.domain.figures.coverage import CURRENT, Coverage, StreamCoverage
from telemetry.domain.figures.partial import Partial
from telemetry.domain.store.objects import LineFaults

_AT_ONCE: Final = 5000
"""Streams whose figures are computed together, or all of one vehicle."""


class SignalFigures(msgspec.Struct, frozen=True, gc=False):
    """One signal of one vehicle over an hour, in the signal's unit."""

    count: int
    min: float
    max: float
    avg: float


class VehicleFigures(msgspec.Struct, frozen=True):
    """One vehicle over an hour.

    Its unique records, first and last timestamp, its signals by name, and how whole its streams are, by CAN
    id, which is empty until it is measured.
    """

    count: int
    first: str
    last: str
    signals: Mapping[str, SignalFigures]
    streams: Mapping[str, StreamCoverage] = {}


class Figures(msgspec.Struct, frozen=True):
    """All vehicles of an hour.

    `records` is `unique` and `duplicates` together. Of the duplicates, `conflicting` have another payload
    than the record of their identity that counts. Not among all these are the `refused`: lines that are no
    record, or one of another hour. `left_out` counts values of signals beyond the bound on a stream's names.
    """

    records: int
    unique: int
    duplicates: int
    refused: int
    vehicles: Mapping[str, VehicleFigures]
    conflicting: int = 0
    left_out: int = 0


class Rollup:
    """The lines of one hour, or of any part of it."""

    def __init__(self, hour: Hour) -> None:
        self._hour = hour
        self._refused = 0
        self._parts: list[Columns] = []

    def add(self, content: bytes) -> LineFaults:
        """Take the lines of one object; return what is wrong with those that are no record of this hour."""
        faults = LineFaults()
        self._parts.append(lines.read(content, self._hour, faults))
        self._refused += faults.count
        return faults

    def merge(self, other: Self) -> None:
        """Take in another part of the same hour."""
        self._refused += other._refused
        self._parts += other._parts

    def figures(self) -> Figures:
        """Decide what counts, and compute the figures.

        Vehicles and signals are in the order of their names.
        """
        found = copies.unique(Columns.concatenate(self._parts).sort())
        partial = Partial.of(found)
        return figures(self._hour, partial, covered(self._hour, found.records, partial), self._refused)


def covered(hour: Hour, unique: Columns, partial: Partial) -> Coverage:
    """Measure how whole the streams of these records are, which add up to `partial`."""
    entries = partial.entries
    return coverage.of(
        unique.offset + np.int64(start_ms(hour)),
        np.append(0, np.cumsum(partial.records)),
        unique.signal(CURRENT),
        partial.streams,
        np.bincount(entries.stream, entries.count, len(partial.streams)),
        np.bincount(entries.stream, minlength=len(partial.streams)),
        hour,
    )


def figures(hour: Hour, partial: Partial, whole: Coverage, refused: int) -> Figures:
    """Compute the figures of an hour from what its unique records add up to."""
    unique, duplicates, conflicting, left_out = (
        int(each.sum())
        for each in (partial.records, partial.duplicates, partial.conflicting, partial.left_out)
    )
    vehicles = _vehicles(hour, partial, whole)
    return Figures(unique + duplicates, unique, duplicates, refused, vehicles, conflicting, left_out)


def _vehicles(hour: Hour, partial: Partial, whole: Coverage) -> Mapping[str, VehicleFigures]:
    """Compute the figures of some vehicles after the other, so that few arrays are there beside them."""
    found: dict[str, VehicleFigures] = {}
    for part in partial.by_vehicles(_AT_ONCE):
        found |= _some_vehicles(hour, part, whole)
    return found


def _some_vehicles(hour: Hour, partial: Partial, whole: Coverage) -> Mapping[str, VehicleFigures]:
    vehicles = partial.by_vehicle()
    signals = _signals(vehicles)
    firsts = np.searchsorted(vehicles.entries.stream, np.arange(len(vehicles.streams) + 1))
    start = start_ms(hour)
    by_vehicle = zip(
        vehicles.streams,
        pairwise(firsts.tolist()),
        vehicles.records.tolist(),
        vehicles.first.tolist(),
        vehicles.last.tolist(),
        strict=True,
    )
    return {
        vehicle_id: VehicleFigures(
            count,
            format_timestamp(start + first),
            format_timestamp(start + last),
            dict(signals[low:high]),
            whole.get(vehicle_id, {}),
        )
        for (vehicle_id, _), (low, high), count, first, last in by_vehicle
    }


def _signals(partial: Partial) -> Sequence[tuple[str, SignalFigures]]:
    entries = partial.entries
    means = np.array(entries.sums.means(entries.count))
    # Rounding could carry the mean of equal values past them by one unit in the last place.
    means = np.minimum(np.maximum(means, entries.low), entries.high)
    figures_of = map(
        SignalFigures, entries.count.tolist(), entries.low.tolist(), entries.high.tolist(), means.tolist()
    )
    return list(zip(map(partial.names.__getitem__, entries.name.tolist()), figures_of, strict=True))
