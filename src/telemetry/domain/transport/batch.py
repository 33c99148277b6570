"""Gathers items until there are enough of them, they are large enough, or the oldest has waited long enough.

A pure machine. Its rules:

- A batch is due once it holds `count` messages or `size` bytes, or once its *oldest* item is `age` seconds old. A
  deadline that restarted at every item would never come under steady load.
- Taking a batch takes all that has arrived, so that under load batches grow by themselves.
- It owns no clock: time is an argument, and `deadline` says until when its caller may sleep.
"""

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Limits(msgspec.Struct, frozen=True):
    """When a batch is due: at `count` messages, at `size` bytes, or `age` seconds after its first."""

    count: int
    size: int
    age: float


class Batcher(Generic[T]):
    """The items of the batch that is being gathered, in the order in which they came."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._items: list[T] = []
        self._count = 0
        self._size = 0
        self._oldest: float | None = None

    @property
    def items(self) -> Sequence[T]:
        return self._items

    @property
    def size(self) -> int:
        return self._size

    @property
    def deadline(self) -> float | None:
        """When the batch is due by its age; None while it is empty."""
        return None if self._oldest is None else self._oldest + self._limits.age

    def add(self, item: T, count: int, size: int, now: float) -> None:
        """Take an item that stands for `count` messages of `size` bytes together, arrived at `now` seconds."""
        self._items.append(item)
        self._count += count
        self._size += size
        if self._oldest is None:
            self._oldest = now

    def is_due(self, now: float) -> bool:
        if self._oldest is None:
            return False
        full = self._count >= self._limits.count or self._size >= self._limits.size
        return full or now >= self._oldest + self._limits.age

    def take(self) -> list[T]:
        """Hand over all that has arrived and start anew."""
        items, self._items = self._items, []
        self._count = self._size = 0
        self._oldest = None
        return items


def runs(sizes: Sequence[int], limit: int) -> Iterator[slice]:
    """Cut a sequence of sizes into runs of at most `limit` together; what is larger by itself is a run of its own."""
    start = total = 0
    for index, size in enumerate(sizes):
        if total + size > limit and index > start:
            yield slice(start, index)
            start, total = index, 0
        total += size
    if sizes:
        yield slice(start, len(sizes))
