"""The figures of signals as columns: an entry is a signal of a stream, with its count, ends and sum."""

from collections.abc import Sequence
from typing import Self

import msgspec
import numpy as np

from telemetry.domain.figures.columns import Floats, Int32s, Int64s
from telemetry.domain.figures.sums import Sums


class Entries(msgspec.Struct, frozen=True, eq=False):
    """Entries; `stream` and `name` are places in tables of their owner."""

    stream: Int32s
    name: Int32s
    count: Int64s
    low: Floats
    high: Floats
    sums: Sums

    @classmethod
    def nothing(cls) -> Self:
        """Return no entry at all."""
        places, numbers = np.zeros(0, np.int32), np.zeros(0)
        return cls(places, places, np.zeros(0, np.int64), numbers, numbers, Sums.nothing())

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Put at least one part behind the other."""
        return cls(
            np.concatenate([part.stream for part in parts]),
            np.concatenate([part.name for part in parts]),
            np.concatenate([part.count for part in parts]),
            np.concatenate([part.low for part in parts]),
            np.concatenate([part.high for part in parts]),
            Sums.concatenate([part.sums for part in parts]),
        )

    def take(self, which: Int64s) -> Self:
        """Choose entries by their places."""
        return type(self)(
            self.stream[which],
            self.name[which],
            self.count[which],
            self.low[which],
            self.high[which],
            self.sums.take(which),
        )

    def between(self, first: int, end: int) -> Self:
        """Choose consecutive entries, without a copy."""
        return type(self)(
            self.stream[first:end],
            self.name[first:end],
            self.count[first:end],
            self.low[first:end],
            self.high[first:end],
            Sums(self.sums.limbs[:, first:end], self.sums.lowest),
        )

    def renamed(self, streams: Int32s, names: Int32s) -> Self:
        """Look up the places of streams and names in other tables."""
        return type(self)(streams[self.stream], names[self.name], self.count, self.low, self.high, self.sums)

    def add_up(self) -> Self:
        """Put entries in the order of stream and name, and add up those that have both in common."""
        key = self.stream.astype(np.int64) << 32 | self.name
        order = np.argsort(key, kind="stable")
        key = key[order]
        starts = np.flatnonzero(np.append(True, key[1:] != key[:-1])[: key.size])
        ordered = self.take(order)
        if starts.size == key.size:
            return ordered
        return type(self)(
            ordered.stream[starts],
            ordered.name[starts],
            np.add.reduceat(ordered.count, starts),
            np.minimum.reduceat(ordered.low, starts),
            np.maximum.reduceat(ordered.high, starts),
            ordered.sums.add_up(starts),
        )
