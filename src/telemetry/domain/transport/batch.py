"""Gathers items until there are enough of them, they are large enough, or the oldest has waited long enough.

A pure machine. Its rules:

- A batch is due once it holds `count` messages or `size` bytes, or once its *oldest* item is `age_s` seconds
  old. A deadline that restarted at every item would never come under steady load.
- Taking a batch takes all that has arrived, so that under load batches grow by themselves.
- It owns no clock: time is an argument, and `deadline_s` says until when its caller may sleep.
"""

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class BatchLimits(msgspec.Struct, frozen=True):
    """When a batch is due: at `count` messages, at `size` bytes, or `age_s` seconds after its first item."""

    count: int
    size: int
    age_s: float


class Batcher(Generic[T]):
    """The items of the batch that is being gathered, in the order in which they came."""

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits
        self._items: list[T] = []
        self._count = 0
        self._size = 0
        self._oldest_s: float | None = None

    @property
    def items(self) -> Sequence[T]:
        return self._items

    @property
    def size(self) -> int:
        return self._size

    @property
    def deadline_s(self) -> float | None:
        """When the batch is due by its age; None while it is empty."""
        return None if self._oldest_s is None else self._oldest_s + self._limits.age_s

    def add(self, item: T, count: int, size: int, now_s: float) -> None:
        """Take an item that stands for `count` messages of `size` bytes together, arrived at `now_s`."""
        self._items.append(item)
        self._count += count
        self._size += size
        if self._oldest_s is None:
            self._oldest_s = now_s

    @property
    def is_full(self) -> bool:
        """Whether it holds as many messages or bytes as a batch should."""
        is_enough = self._count >= self._limits.count or self._size >= self._limits.size
        return is_enough and bool(self._items)

    def is_due(self, now_s: float) -> bool:
        return self.is_full or self.is_old(now_s)

    def is_old(self, now_s: float) -> bool:
        """Return whether its oldest item has waited long enough."""
        return self._oldest_s is not None and now_s >= self._oldest_s + self._limits.age_s

    def take(self) -> list[T]:
        """Return all that has arrived, and start anew."""
        items, self._items = self._items, []
        self._count = self._size = 0
        self._oldest_s = None
        return items


def runs(sizes: Sequence[int], limit: int) -> Iterator[slice]:
    """Cut a sequence of sizes into runs of at most `limit` together; what is larger is a run by itself."""
    start = total = 0
    for index, size in enumerate(sizes):
        if total + size > limit and index > start:
            yield slice(start, index)
            start, total = index, 0
        total += size
    if sizes:
        yield slice(start, len(sizes))
