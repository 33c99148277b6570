"""The steps between the records of many streams, all at once: their lengths, their median, the longest.

No function here loops over streams, because there may be 100,000 of them. A stream and an offset in the hour
share one integer where they are sorted together.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from telemetry.domain.contract.moment import HOUR_MS, Hour, Milliseconds, start_ms

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

Identity = tuple[str, str]
"""A stream: vehicle id and CAN id."""

NEAR: Final = 1.5
"""Periods beyond which a step has lost a record."""

_BITS: Final = 22  # hold every offset in an hour
_OFFSET: Final = (1 << _BITS) - 1


class Streams(NamedTuple):
    """Records sorted by stream and time: each one's moment, stream and current, and where streams start."""

    timestamps: Milliseconds
    starts: Counts
    stream: Counts
    vehicle: Counts  # of each stream, its vehicle's number
    currents: Floats
    hour_ms: int

    @property
    def last(self) -> Counts:
        """Return the place of each stream's last record."""
        return self.starts[1:] - 1


def arrange(
    timestamps: Milliseconds, starts: Counts, currents: Floats, names: Sequence[Identity], hour: Hour
) -> Streams:
    """Put the columns of records and the names of their streams together."""
    numbers: dict[str, int] = {}
    vehicle = [numbers.setdefault(vehicle_id, len(numbers)) for vehicle_id, _ in names]
    stream = np.repeat(np.arange(len(names)), np.diff(starts))
    return Streams(timestamps, starts, stream, np.array(vehicle, np.int64), currents, start_ms(hour))


def lengths(streams: Streams) -> Counts:
    """Return the time from each record to the next of its stream, from the last to the end of the hour."""
    following = np.empty_like(streams.timestamps)
    following[:-1] = streams.timestamps[1:]
    following[streams.last] = streams.hour_ms + HOUR_MS
    return following - streams.timestamps


def periods(streams: Streams, steps: Counts) -> Floats:
    """Return the period of each stream in ms; NaN where there is only one record."""
    first, inner = streams.starts[:-1], np.diff(streams.starts) - 1
    keys = streams.stream << _BITS | steps
    keys[streams.last] |= _OFFSET  # after all steps between records
    ordered = np.sort(keys) & _OFFSET
    median = _middle(ordered, first, inner)
    is_near = ordered <= np.repeat(NEAR * median, inner + 1)
    near = np.add.reduceat(is_near.astype(np.int64), first)[: first.size]
    return _middle(ordered, first, np.minimum(near, inner))


def _middle(ordered: Counts, first: Counts, count: Counts) -> Floats:
    """Return the median of `count` values from each place on; NaN of none."""
    low, high = first + np.maximum(count - 1, 0) // 2, first + count // 2
    return np.where(count > 0, (ordered[low] + ordered[high]) / 2, np.nan)


def currents_at(streams: Streams, asked: Counts) -> Floats:
    """Return the last current that each record's vehicle had by then, in any of its streams; NaN if none."""
    found = streams.currents[asked]
    unknown = np.flatnonzero(np.isnan(found))
    known = np.flatnonzero(~np.isnan(streams.currents))
    if unknown.size and known.size:
        moments = streams.vehicle[streams.stream] << _BITS | (streams.timestamps - streams.hour_ms)
        known = known[np.argsort(moments[known], kind="stable")]
        sought = moments[asked[unknown]]
        places = np.maximum(np.searchsorted(moments[known], sought, side="right") - 1, 0)
        before = moments[known[places]]
        is_theirs = (before >> _BITS == sought >> _BITS) & (before <= sought)
        found[unknown] = np.where(is_theirs, streams.currents[known[places]], np.nan)
    return found


def counted(streams: Streams, places: Counts, weights: Counts | Floats | None = None) -> Counts:
    """Count the places in each stream, or sum their weights."""
    return np.bincount(streams.stream[places], weights, streams.starts.size - 1).astype(np.int64)


def longest(streams: Streams, gaps: Counts, steps: Counts) -> tuple[Counts, Counts]:
    """Return each stream's longest gap and the place before it, of equal ones the first; 0 where none is."""
    lengths_ms, places = np.zeros((2, streams.starts.size - 1), np.int64)
    order = np.lexsort((-gaps, steps[gaps]))
    # The last value that is assigned to a place stays.
    lengths_ms[streams.stream[gaps[order]]] = steps[gaps[order]]
    places[streams.stream[gaps[order]]] = gaps[order]
    return lengths_ms, places
