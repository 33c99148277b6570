"""The objects of an hour as columns: from the cache, or else from the store, and then kept in the cache."""

from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from typing import Final, NamedTuple

from telemetry.domain.contract.moment import Hour
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures import lines, packed
from telemetry.domain.figures.cache import Cache
from telemetry.domain.figures.packed import DamagedError, Part
from telemetry.domain.store import objects
from telemetry.domain.store.objects import LineFaults
from telemetry.domain.store.storage import ObjectInfo, Storage
from telemetry.domain.together import Together

_AT_ONCE: Final = 32
"""Objects that are read together."""
_BYTES_AT_ONCE: Final = 64_000_000
"""How many bytes of objects are held together before they are columns, if one alone has no more."""


class Source(NamedTuple):
    """An object of an hour, and what it is called in the cache."""

    name: str
    info: ObjectInfo


class Sources:
    """Reads the objects of an hour."""

    def __init__(self, storage: Storage, cache: Cache, together: Together, hour: Hour) -> None:
        self._storage = storage
        self._cache = cache
        self._together = together
        self._hour = hour

    def of(self, info: ObjectInfo) -> Source:
        """Name an object by its key and size."""
        named = f"{packed.VERSION} {info.key} {info.size}".encode()
        return Source(f"{self._hour}/{blake2b(named, digest_size=16).hexdigest()}", info)

    async def parts(self, sources: Sequence[Source]) -> AsyncIterator[tuple[Source, Part | TelemetryError]]:
        """Read objects, some of them together; of one that is damaged or cannot be read, yield why."""
        for some in _in_batches(sources):
            found = await self._together([partial(self.part, source) for source in some])
            for pair in zip(some, found, strict=True):
                yield pair

    async def part(self, source: Source) -> Part:
        """Return what an object holds. Raise DamagedObjectError, or what the store raises."""
        kept = await self._cache.get(source.name)
        if kept is not None:
            try:
                return packed.unpack_part(kept)
            except DamagedError:
                pass
        return await self._read(source)

    async def _read(self, source: Source) -> Part:
        faults = LineFaults()
        columns = lines.read(await self._content(source.info), self._hour, faults)
        part = Part(columns, faults)
        await self._cache.put(source.name, packed.pack_part(part))
        return part

    async def _content(self, info: ObjectInfo) -> bytes:
        return objects.decode_content(info.key, await self._storage.get(info.key))


def _in_batches(sources: Sequence[Source]) -> Iterator[Sequence[Source]]:
    """Split objects into those that are read together."""
    batch: list[Source] = []
    size = 0
    for source in sources:
        if batch and (len(batch) == _AT_ONCE or size + source.info.size > _BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(source)
        size += source.info.size
    if batch:
        yield batch
