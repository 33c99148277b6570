"""What an hour holds of what its vehicles should have sent: period, gaps and sleep, for all streams at once.

A stream is one CAN id of one vehicle. Its rules:

- The period is the median step between two records, of those steps alone that lost no record between them: a
  lost record makes a step twice as long, and would move the median of all.
- A gap is a step longer than three periods. So neither jitter nor a single lost record makes one. The time
  from the last record to the end of the hour is a step too.
- A vehicle whose last current before a gap was that of a parked one sleeps through the gap. Nothing is
  missing then.
- Everywhere else a step of n periods has lost n - 1 records. `expected` is what was received and what was
  lost.
- The time before a stream's first record counts only if the vehicle was known before: see `begun`.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from telemetry.domain.contract.moment import Hour, Milliseconds, format_timestamp, parse_timestamp, start_ms
from telemetry.domain.figures import steps
from telemetry.domain.figures.steps import Counts, Floats, Identity

CURRENT: Final = "battery_current"
"""The signal that tells a vehicle that is parked from one that drives or charges."""

PARKED_A: Final = 1.0
"""Amperes up to which a vehicle is parked; one that is switched on draws more."""

GAP_PERIODS: Final = 3
"""Periods beyond which a step is a gap."""


class StreamCoverage(msgspec.Struct, frozen=True):
    """How whole one stream is in an hour, from its first record to the end of the hour.

    `received` counts records once each, and `expected` adds those that are missing. `period_s` is None where
    there is only one record; nothing is expected beside it then. `asleep_s` is in no gap. `unavailable` is
    the share of values that the records lack, of all signals that the stream has. `parked` is the state in
    which it ends, None if no current is known.
    """

    period_s: float | None
    expected: int
    received: int
    gaps: int
    longest_gap_s: float
    longest_gap_from: str | None
    asleep_s: float
    unavailable: float
    first: str
    last: str
    parked: bool | None


Coverage = Mapping[str, Mapping[str, StreamCoverage]]
"""Streams by vehicle id and CAN id."""


def of(  # noqa: PLR0913, PLR0917  # columns
    timestamps: Milliseconds,
    starts: Counts,
    currents: Floats,
    names: Sequence[Identity],
    values: Counts,
    signals: Counts,
    hour: Hour,
) -> Coverage:
    """Measure all streams of an hour, or of some of its vehicles, at once.

    The records are unique, and sorted by vehicle, CAN id and time. Stream i is `names[i]`, has the records
    from `starts[i]` up to `starts[i + 1]`, at least one, and in them `values[i]` values of `signals[i]`
    signals. `currents` has the value of `CURRENT` in each record, NaN where there is none.
    """
    if not names:
        return {}
    streams = steps.arrange(timestamps, starts, currents, names, hour)
    received = np.diff(starts)
    lengths = steps.lengths(streams)
    periods = steps.periods(streams, lengths)
    period = np.repeat(periods, received)
    gaps = np.flatnonzero(lengths > GAP_PERIODS * period)
    states = steps.currents_at(streams, np.concatenate([gaps, streams.last]))
    is_asleep = np.abs(states[: gaps.size]) <= PARKED_A
    asleep, awake = gaps[is_asleep], gaps[~is_asleep]
    far = np.setdiff1d(np.flatnonzero(lengths > steps.NEAR * period), asleep, assume_unique=True)
    lost = steps.counted(streams, far, np.rint(lengths[far] / period[far]) - 1)
    longest_ms, longest_at = steps.longest(streams, awake, lengths)
    return _by_vehicle(
        names,
        periods,
        received + lost,
        received,
        steps.counted(streams, awake),
        longest_ms,
        timestamps[longest_at],
        steps.counted(streams, asleep, lengths[asleep]),
        1 - values / np.maximum(received * signals, 1),
        timestamps[starts[:-1]],
        timestamps[streams.last],
        states[gaps.size :],
    )


def begun(stream: StreamCoverage, hour: Hour, *, parked: bool) -> StreamCoverage:
    """Count the time before the first record of a vehicle that was there before, `parked` or not."""
    if stream.period_s is None:
        return stream
    began_ms = start_ms(hour)
    lead_s = (parse_timestamp(stream.first) - began_ms) / 1000
    is_gap = lead_s > GAP_PERIODS * stream.period_s
    if is_gap and parked:
        return msgspec.structs.replace(stream, asleep_s=stream.asleep_s + lead_s)
    is_longest = is_gap and lead_s >= stream.longest_gap_s
    return msgspec.structs.replace(
        stream,
        expected=stream.expected + max(0, round(lead_s / stream.period_s) - 1),
        gaps=stream.gaps + is_gap,
        longest_gap_s=lead_s if is_longest else stream.longest_gap_s,
        longest_gap_from=format_timestamp(began_ms) if is_longest else stream.longest_gap_from,
    )


def _by_vehicle(names: Sequence[Identity], *columns: npt.NDArray[Any]) -> Coverage:
    coverage: defaultdict[str, dict[str, StreamCoverage]] = defaultdict(dict)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for (vehicle_id, can_id), row in zip(names, rows, strict=True):
        coverage[vehicle_id][can_id] = _stream_coverage(*row)
    return dict(coverage)


def _stream_coverage(  # noqa: PLR0913, PLR0917  # a row
    period_ms: float,
    expected: int,
    received: int,
    gaps: int,
    longest_ms: int,
    longest_from_ms: int,
    asleep_ms: int,
    unavailable: float,
    first_ms: int,
    last_ms: int,
    current: float,
) -> StreamCoverage:
    return StreamCoverage(
        period_ms / 1000 if period_ms > 0 else None,  # NaN is not
        expected,
        received,
        gaps,
        longest_ms / 1000,
        format_timestamp(longest_from_ms) if gaps else None,
        asleep_ms / 1000,
        unavailable,
        format_timestamp(first_ms),
        format_timestamp(last_ms),
        None if math.isnan(current) else abs(current) <= PARKED_A,
    )
