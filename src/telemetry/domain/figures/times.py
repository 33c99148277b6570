"""The timestamps of records by stream: enough to say which records are the same."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from telemetry.domain.contract.moment import HOUR_MS, Hour, parse_timestamp
from telemetry.domain.figures.columns import Int64s, Stream, Times
from telemetry.domain.figures.hour import Aggregated
from telemetry.domain.store import objects
from telemetry.domain.store.objects import LineFaults


def of_any(content: bytes, faults: LineFaults) -> Times:
    """Read the records of an object, whatever their hours; add lines that are none to `faults`."""
    found: defaultdict[Stream, list[int]] = defaultdict(list)
    for _, record in objects.decode_records(content.splitlines(), faults):
        found[record.vehicle_id, record.can_id].append(record.timestamp_ms)
    return {stream: np.unique(np.array(times, np.int64)) for stream, times in found.items()}


def by_hour(parts: Iterable[Times]) -> Mapping[Hour, Times]:
    """Put the records of objects together, each identity once, by the hour of their timestamps."""
    found: defaultdict[Hour, dict[Stream, Int64s]] = defaultdict(dict)
    for stream, times in _united(parts):
        hours = times // HOUR_MS
        for hour in np.unique(hours).tolist():
            found[hour][stream] = times[hours == hour]
    return found


def within(times: Times, figures: Aggregated | None) -> Times:
    """Choose the records that figures may have: of a vehicle in them, from its first record to its last."""
    chosen: dict[Stream, Int64s] = {}
    vehicles = figures.vehicles if figures else {}
    for (vehicle_id, can_id), stream in times.items():
        if vehicle := vehicles.get(vehicle_id):
            first, last = parse_timestamp(vehicle.first), parse_timestamp(vehicle.last)
            kept = stream[(first <= stream) & (stream <= last)]
            if kept.size:
                chosen[vehicle_id, can_id] = kept
    return chosen


def common(times: Times, parts: Sequence[Times]) -> int:
    """Count the records that are in any of the parts too."""
    found = 0
    for stream, wanted in times.items():
        there = [part[stream] for part in parts if stream in part]
        found += int(np.isin(wanted, np.concatenate(there)).sum()) if there else 0
    return found


def count(times: Times) -> int:
    """Count records."""
    return sum(each.size for each in times.values())


def _united(parts: Iterable[Times]) -> Iterator[tuple[Stream, Int64s]]:
    by_stream: defaultdict[Stream, list[Int64s]] = defaultdict(list)
    for part in parts:
        for stream, times in part.items():
            by_stream[stream].append(times)
    for stream, several in by_stream.items():
        yield stream, np.unique(np.concatenate(several))
