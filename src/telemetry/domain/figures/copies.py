"""Which of the copies of a record counts.

Of the records of one identity (vehicle, CAN id and timestamp to the millisecond) the one received first
counts, and among those received in the same millisecond the one with the lowest values. So neither the order
of arrival nor the place of a split can change what counts.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from telemetry.domain.figures.columns import Columns, Flags, Int64s


class Unique(NamedTuple):
    """The records that count, in the order of their identities.

    By stream: how many copies do not count, and how many of them have another payload than the one that does.
    """

    records: Columns
    duplicates: Int64s
    conflicting: Int64s


def unique(columns: Columns) -> Unique:
    """Choose which copies count, of records that are in the order of their identities."""
    repeats = _repeats(columns)
    if not repeats.any():
        nothing = np.zeros(len(columns.streams), np.int64)
        return Unique(columns, nothing, nothing)
    kept, differing = _kept(columns, repeats)

    def by_stream(records: Int64s) -> Int64s:
        return np.bincount(columns.stream[records], minlength=len(columns.streams))

    duplicates = by_stream(np.flatnonzero(repeats))
    return Unique(columns.take(np.flatnonzero(kept)), duplicates, by_stream(differing))


def split(columns: Columns) -> tuple[Columns, Columns]:
    """Return the records that count, and their copies, of records that are in the order of identities."""
    repeats = _repeats(columns)
    kept = _kept(columns, repeats)[0] if repeats.any() else ~repeats
    return columns.take(np.flatnonzero(kept)), columns.take(np.flatnonzero(~kept))


def _repeats(columns: Columns) -> Flags:
    """Return which records have the identity of the one before."""
    identities = columns.identities
    repeats: Flags = np.append(False, identities[1:] == identities[:-1])[: columns.size]
    return repeats


def _kept(columns: Columns, repeats: Flags) -> tuple[Flags, Int64s]:
    """Return which records count, and the places of those whose payload differs from theirs."""
    in_group = repeats | np.append(repeats[1:], False)
    copies = np.flatnonzero(in_group)
    counts, differing = _choose(columns.take(copies))
    kept = ~in_group
    kept[copies[counts]] = True
    return kept, copies[differing]


def differ(these: Columns, those: Columns) -> Flags:
    """Return for records of the same identities, in their order, whether the payloads differ."""
    both = Columns.concatenate([these, those])
    return _differ(both, np.arange(these.size), np.arange(these.size, both.size))


def _choose(copies: Columns) -> tuple[Int64s, Int64s]:
    """Choose among copies that are in the order of their identities, two at least of each.

    Return the places of those that count, and the places of those whose payload differs from theirs.
    """
    identities = copies.identities
    order = np.lexsort((copies.received, identities))
    group = np.cumsum(np.append(False, identities[1:] != identities[:-1]))  # of each place in `order`
    first = order[np.searchsorted(group, np.arange(group[-1] + 1))]
    is_first_received = copies.received[order] == copies.received[first][group]
    differs = _differ(copies, order, first[group])
    is_open = np.zeros(first.size, np.bool_)
    is_open[group[differs & is_first_received]] = True
    if is_open.any():
        rivals = is_open[group] & is_first_received
        first[is_open] = _lowest(copies, order[rivals], group[rivals])
        differs = _differ(copies, order, first[group])
    return first, order[differs]


def _differ(copies: Columns, these: Int64s, those: Int64s) -> Flags:
    """Return for pairs of records, by their places, whether their payloads differ."""
    left, right = copies.dense[:, these], copies.dense[:, those]
    differ: Flags = ((left != right) & ~(np.isnan(left) & np.isnan(right))).any(axis=0)
    if copies.sparse.record.size:
        sparse = copies.sparse_payloads()
        pairs = zip(these.tolist(), those.tolist(), strict=True)
        differ |= np.fromiter((sparse[this] != sparse[that] for this, that in pairs), np.bool_, these.size)
    return differ


def _lowest(copies: Columns, rivals: Int64s, group: Int64s) -> Sequence[int]:
    """Return the place of the rival with the lowest values of each group; groups lie together."""
    payloads = copies.take(rivals).payloads()
    lowest = []
    for _, members in groupby(range(rivals.size), key=group.tolist().__getitem__):
        lowest.append(int(rivals[_lowest_of(list(members), payloads)]))
    return lowest


def _lowest_of(members: Sequence[int], payloads: Sequence[Mapping[str, float]]) -> int:
    """Compare values in the order of their names; a signal that is absent comes after any value."""
    names = sorted({name for member in members for name in payloads[member]})
    return min(members, key=lambda member: [payloads[member].get(name, math.inf) for name in names])
