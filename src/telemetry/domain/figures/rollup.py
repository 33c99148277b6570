"""The figures of one hour as a fold over its lines that can be split anywhere and merged in any order.

While it folds, it only collects: one table a stream (a vehicle's CAN id), a row a record, NaN where a record
lacks a signal. What counts is decided once, at the end, on sorted rows. Of the records of one identity
(vehicle, CAN id and timestamp to the millisecond) the one received first counts, and among those received in
the same millisecond the one with the lowest values. So no order of arrival and no place of a split can change
a figure. Sums are exactly rounded (`math.fsum`), so that they cannot change the last bit either.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, Self

import msgspec
import numpy as np
import numpy.typing as npt

from telemetry.domain.contract.moment import HOUR_MS, Hour, format_timestamp
from telemetry.domain.contract.record import Record
from telemetry.domain.figures import coverage
from telemetry.domain.figures.coverage import CURRENT, Coverage, StreamCoverage
from telemetry.domain.figures.steps import Identity
from telemetry.domain.store.objects import LineFaults, decode_records

Floats = npt.NDArray[np.float64]
_ABSENT: Final = math.nan  # no signal has this value: the contract takes finite numbers only


class SignalFigures(msgspec.Struct, frozen=True):
    """One signal of one vehicle over an hour, in the signal's unit."""

    count: int
    min: float
    max: float
    avg: float


class VehicleFigures(msgspec.Struct, frozen=True):
    """One vehicle over an hour.

    Its unique records, first and last timestamp, its signals by name, and how whole its streams are, by CAN
    id.
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
    record, or one of another hour.
    """

    records: int
    unique: int
    duplicates: int
    refused: int
    vehicles: Mapping[str, VehicleFigures]
    conflicting: int = 0


class Rollup:
    """The lines of one hour, or of any part of it."""

    def __init__(self, hour: Hour) -> None:
        self._hour = hour
        self._refused = 0
        self._streams: defaultdict[tuple[str, str], _Stream] = defaultdict(_Stream)

    def add(self, lines: Sequence[bytes]) -> LineFaults:
        """Take the lines of one object; return what is wrong with those that are no record of this hour."""
        faults = LineFaults()
        for number, record in decode_records(lines, faults):
            if record.timestamp_ms // HOUR_MS == self._hour:
                self._streams[record.vehicle_id, record.can_id].add(record)
            else:
                faults.add(number, "it belongs to another hour")
        self._refused += faults.count
        return faults

    def merge(self, other: Self) -> None:
        """Take in another part of the same hour."""
        self._refused += other._refused
        for key, stream in other._streams.items():
            self._streams[key].merge(stream)

    def figures(self) -> Figures:
        """Decide what counts, and compute the figures.

        Vehicles and signals are in the order of their names.
        """
        found = {name: stream.unique() for name, stream in sorted(self._streams.items())}
        by_vehicle: defaultdict[str, list[_Unique]] = defaultdict(list)
        for (vehicle_id, _), stream in found.items():
            by_vehicle[vehicle_id].append(stream)
        whole = _coverage(found, self._hour)
        vehicles = {
            vehicle_id: _vehicle_figures(streams, whole[vehicle_id])
            for vehicle_id, streams in by_vehicle.items()
        }
        records = sum(len(stream.timestamps) for stream in self._streams.values())
        unique = sum(vehicle.count for vehicle in vehicles.values())
        conflicting = sum(stream.conflicting for stream in found.values())
        return Figures(records, unique, records - unique, self._refused, vehicles, conflicting)


class _Unique(msgspec.Struct, frozen=True):
    """The rows of a stream that count, in the order of their timestamps, and each signal's values in them."""

    timestamps: npt.NDArray[np.int64]
    signals: Mapping[str, Floats]
    currents: Floats
    conflicting: int


class _Stream:
    """The records of one CAN id of one vehicle as columns, in the order in which they came."""

    def __init__(self) -> None:
        self.timestamps: list[int] = []
        self.received: list[int] = []
        self.columns: dict[str, list[float]] = {}

    def add(self, record: Record) -> None:
        for name, value in record.payload.items():
            self._column(name).append(value)
        self.timestamps.append(record.timestamp_ms)
        self.received.append(record.received_ms)

    def merge(self, other: Self) -> None:
        for name, column in other.columns.items():
            self._column(name).extend(column)
        self.timestamps += other.timestamps
        self.received += other.received

    def unique(self) -> _Unique:
        names = sorted(self.columns)
        timestamps, received = np.array(self.timestamps), np.array(self.received)
        # Adding zero makes -0.0 and 0.0, which compare equal, one value.
        values = np.array([self._column(name) for name in names]).reshape(len(names), timestamps.size) + 0.0
        order = np.lexsort((*reversed(values), received, timestamps))
        in_order = timestamps[order]
        is_kept = np.diff(in_order, prepend=in_order[0] - 1) != 0
        kept = order[is_kept]
        counting = kept[np.cumsum(is_kept) - 1]  # of each row, the one that counts for its identity
        is_same = np.all(
            (values[:, order] == values[:, counting])
            | np.isnan(values[:, order]) & np.isnan(values[:, counting]),
            axis=0,
        )
        signals = {name: row[~np.isnan(row)] for name, row in zip(names, values[:, kept], strict=True)}
        currents = values[names.index(CURRENT), kept] if CURRENT in names else np.full(kept.size, np.nan)
        return _Unique(timestamps[kept], signals, currents, int(np.count_nonzero(~is_same)))

    def _column(self, name: str) -> list[float]:
        """Find or make a signal's column, and fill it for the rows that lacked the signal."""
        column = self.columns.setdefault(name, [])
        column.extend([_ABSENT] * (len(self.timestamps) - len(column)))
        return column


def _coverage(streams: Mapping[Identity, _Unique], hour: Hour) -> Coverage:
    if not streams:
        return {}
    found = streams.values()
    return coverage.of(
        np.concatenate([stream.timestamps for stream in found]),
        np.cumsum([0, *(stream.timestamps.size for stream in found)]),
        np.concatenate([stream.currents for stream in found]),
        list(streams),
        np.array([sum(column.size for column in stream.signals.values()) for stream in found]),
        np.array([sum(column.size > 0 for column in stream.signals.values()) for stream in found]),
        hour,
    )


def _vehicle_figures(streams: Sequence[_Unique], whole: Mapping[str, StreamCoverage]) -> VehicleFigures:
    values: defaultdict[str, list[Floats]] = defaultdict(list)
    for stream in streams:
        for name, column in stream.signals.items():
            if column.size:
                values[name].append(column)
    return VehicleFigures(
        count=sum(stream.timestamps.size for stream in streams),
        first=format_timestamp(min(int(stream.timestamps[0]) for stream in streams)),
        last=format_timestamp(max(int(stream.timestamps[-1]) for stream in streams)),
        signals={name: _signal_figures(np.concatenate(columns)) for name, columns in sorted(values.items())},
        streams=whole,
    )


def _signal_figures(values: Floats) -> SignalFigures:
    low, high = float(values.min()), float(values.max())
    # Rounding could carry the average of equal values past them by one unit in the last place.
    return SignalFigures(values.size, low, high, min(max(_mean(values), low), high))


def _mean(values: Floats) -> float:
    try:
        return math.fsum(values.tolist()) / values.size
    except OverflowError:  # values near the end of the range of floats, whose sum is beyond it
        scale = 2.0 ** -values.size.bit_length()  # a power of two costs no digit
        return math.fsum((values * scale).tolist()) / values.size / scale
