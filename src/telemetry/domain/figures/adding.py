"""From unique records to the entries of their signals: counts, ends and exact sums, by stream and name."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from telemetry.domain.figures.columns import Columns, Floats, Int32s, Int64s
from telemetry.domain.figures.entries import Entries
from telemetry.domain.figures.sums import Sums

_BLOCK: Final = 1 << 14
"""Records that are added up at once, so that their signals stay in the cache of a core."""


def entries(unique: Columns, starts: Int64s, dense: Int32s, sparse: Int32s) -> Entries:
    """Add up records in the order of their streams, of which each begins at one of `starts`.

    `dense` and `sparse` are the places that the names of these signals have in the table of the entries.
    """
    return Entries.concatenate([*_dense(unique, starts, dense), _sparse(unique, starts, sparse)]).add_up()


def _dense(unique: Columns, starts: Int64s, names: Int32s) -> Iterator[Entries]:
    """Yield the entries of dense signals, some streams at a time."""
    if not starts.size:
        return
    cuts = np.unique(np.searchsorted(starts, np.arange(0, unique.size, _BLOCK)))
    cuts = cuts[cuts < starts.size]
    bounds = np.append(starts, unique.size)
    for low, high in zip(cuts, np.append(cuts[1:], starts.size), strict=True):
        values = unique.dense[:, bounds[low] : bounds[high]]
        streams = np.arange(low, high, dtype=np.int32)
        yield _added_up(values, starts[low:high] - bounds[low], streams, names)


def _added_up(values: Floats, starts: Int64s, streams: Int32s, names: Int32s) -> Entries:
    is_absent = np.isnan(values)
    counts = np.tile(np.diff(np.append(starts, values.shape[1])), (names.size, 1))
    least = greatest = values
    if is_absent.any():
        counts = np.add.reduceat(~is_absent, starts, axis=1, dtype=np.int64)
        least, greatest = (np.where(is_absent, far, values) for far in (np.inf, -np.inf))
        values = np.where(is_absent, 0.0, values)
    entries = Entries(
        np.tile(streams, names.size),
        np.repeat(names, streams.size),
        counts.ravel(),
        np.minimum.reduceat(least, starts, axis=1).ravel(),
        np.maximum.reduceat(greatest, starts, axis=1).ravel(),
        Sums.of(values, starts),
    )
    return entries if entries.count.all() else entries.take(np.flatnonzero(entries.count))


def _sparse(unique: Columns, starts: Int64s, names: Int32s) -> Entries:
    sparse = unique.sparse
    stream = (np.searchsorted(starts, sparse.record, side="right") - 1).astype(np.int32)
    name = names[sparse.name]
    order = np.lexsort((name, stream))
    stream, name, value = stream[order], name[order], sparse.value[order]
    is_first = np.append(True, (stream[1:] != stream[:-1]) | (name[1:] != name[:-1]))[: stream.size]
    firsts = np.flatnonzero(is_first)
    if not firsts.size:
        return Entries(stream, name, np.zeros(0, np.int64), value, value, Sums.nothing())
    return Entries(
        stream[firsts],
        name[firsts],
        np.diff(np.append(firsts, stream.size)),
        np.minimum.reduceat(value, firsts),
        np.maximum.reduceat(value, firsts),
        Sums.of(value[np.newaxis], firsts),
    )
