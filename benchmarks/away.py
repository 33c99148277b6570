"""A store a round trip away, which counts its requests: of benchmarks of the aggregator."""

import asyncio
from collections.abc import Sequence
from typing import Final

from telemetry.domain.store.storage import ObjectInfo, Storage

_PAGE: Final = 1000  # keys in an answer to a listing


class AwayStorage:
    """Another store, behind a round trip. Counts requests by verb; a listing takes one for each page."""

    def __init__(self, storage: Storage, round_trip_s: float = 0.0) -> None:
        self._storage = storage
        self.round_trip_s = round_trip_s
        self.requests: dict[str, int] = {}

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        await self._travel("put")
        await self._storage.put(key, data, overwrite=overwrite)

    async def get(self, key: str) -> bytes:
        await self._travel("raw_get" if key.startswith("raw/") else "get")
        return await self._storage.get(key)

    async def delete(self, key: str) -> None:
        await self._travel("delete")
        await self._storage.delete(key)

    async def folders(self, prefix: str) -> Sequence[str]:
        await self._travel("list")
        return await self._storage.folders(prefix)

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        found = await self._storage.list(prefix)
        await self._travel("list", max(1, -(-len(found) // _PAGE)))
        return found

    async def close(self) -> None:
        await self._storage.close()

    async def _travel(self, verb: str, times: int = 1) -> None:
        self.requests[verb] = self.requests.get(verb, 0) + times
        if self.round_trip_s:
            await asyncio.sleep(times * self.round_trip_s)
