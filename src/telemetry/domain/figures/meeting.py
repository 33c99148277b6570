"""Records that come to those that were added up before: which of them are copies, and what these change.

Most come later than all others of their stream, so that none of them can be a copy. Only those that lie
between the first and the last of their stream have to be compared with the records that are there.
"""

from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np

from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.figures import copies
from telemetry.domain.figures.columns import OFFSET_BITS, Columns, Flags, Int64s
from telemetry.domain.figures.entries import Entries
from telemetry.domain.figures.partial import Partial


class Met(NamedTuple):
    """What came to records that were there.

    `rest` are the records whose identities are new. `copies` counts the others. `again` are the vehicles of
    which another record counts now than before, so that they have to be added up again.
    """

    rest: Columns
    copies: Partial
    again: AbstractSet[str]


def suspects(partial: Partial, came: Columns) -> Flags:
    """Say which records that came may be copies of those that add up to `partial`."""
    place = {stream: at for at, stream in enumerate(partial.streams)}
    known = np.array([place.get(stream, -1) for stream in came.streams], np.int64)
    first = np.append(partial.first, HOUR_MS)[known][came.stream]
    last = np.append(partial.last, -1)[known][came.stream]
    found: Flags = (first <= came.offset) & (came.offset <= last)
    return found


def alike(suspects: Columns, there: Columns) -> Columns:
    """Choose the records that are there whose identities suspects have, which are in their order."""
    place = {stream: at for at, stream in enumerate(suspects.streams)}
    known = np.array([place.get(stream, -1) for stream in there.streams], np.int64)
    identities = known[there.stream] << OFFSET_BITS | there.offset
    wanted = suspects.identities
    at = np.minimum(np.searchsorted(wanted, identities), wanted.size - 1)
    return there.take(np.flatnonzero(wanted[at] == identities))


def meet(came: Columns, is_suspect: Flags, there: Columns) -> Met:
    """Compare the suspects among records that came with those that are there of their identities."""
    asked = np.flatnonzero(is_suspect)
    both = Columns.concatenate([came.take(asked), there])
    is_new = np.arange(both.size) < asked.size
    identities = both.identities
    is_met = np.isin(identities, np.intersect1d(identities[is_new], identities[~is_new]))
    rest = np.ones(came.size, np.bool_)
    rest[asked[is_met[: asked.size]]] = False
    before = copies.unique(both.take(np.flatnonzero(is_met & ~is_new)).sort())
    now = copies.unique(both.take(np.flatnonzero(is_met)).sort())
    changed = now.records.stream[copies.differ(before.records, now.records)]
    counted = _counted(both, now.duplicates - before.duplicates, now.conflicting - before.conflicting)
    again = {both.streams[stream][0] for stream in np.unique(changed).tolist()}
    return Met(came.take(np.flatnonzero(rest)), counted, again)


def _counted(both: Columns, duplicates: Int64s, conflicting: Int64s) -> Partial:
    """Count copies by stream, without a record that counts."""
    has_any = np.flatnonzero(duplicates)
    none = np.zeros(has_any.size, np.int64)
    return Partial(
        streams=[both.streams[at] for at in has_any.tolist()],
        records=none,
        duplicates=duplicates[has_any],
        conflicting=conflicting[has_any],
        first=none + HOUR_MS,
        last=none - 1,
        left_out=none,
        names=(),
        entries=Entries.nothing(),
    )
