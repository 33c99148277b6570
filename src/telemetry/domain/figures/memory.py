"""What was read once and may be needed again, within a bound: the longest unused goes first."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """Values by key, each with a weight, of which the sum is bounded."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._weight = 0
        self._kept: dict[object, tuple[T, int]] = {}

    def get(self, key: object) -> T | None:
        """Return a value that is remembered."""
        kept = self._kept.pop(key, None)
        if kept is None:
            return None
        self._kept[key] = kept  # now the last to go
        return kept[0]

    def put(self, key: object, value: T, weight: int) -> None:
        """Remember a value, and forget what has to go for it."""
        self._weight += weight - self._kept.pop(key, (value, 0))[1]
        self._kept[key] = value, weight
        while self._weight > self._most:
            _, lost = self._kept.pop(next(iter(self._kept)))
            self._weight -= lost
