"""The cache in memory, for tests; it is lost when its process ends."""

from collections import OrderedDict
from typing import Final

_MOST: Final = 1_000_000_000


class MemoryCache:
    """Bytes in a dictionary, the oldest first; what is more than `most` bytes is lost."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._size = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    async def get(self, name: str) -> memoryview | None:
        data = self._kept.get(name)
        return None if data is None else memoryview(data)

    async def put(self, name: str, data: bytes) -> None:
        self._size += len(data) - len(self._kept.pop(name, b""))
        self._kept[name] = data
        while self._size > self._most:
            self._size -= len(self._kept.popitem(last=False)[1])
