"""The objects of an hour as columns, read from the store."""

from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from typing import Final, NamedTuple

from telemetry.domain.contract.moment import Hour
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures import lines
from telemetry.domain.figures.columns import Columns
from telemetry.domain.figures.moved import PIECE, Moves
from telemetry.domain.figures.run import Part
from telemetry.domain.store import objects
from telemetry.domain.store.objects import LineFaults
from telemetry.domain.store.storage import ObjectInfo, Storage
from telemetry.domain.together import Together

_AT_ONCE: Final = 32
"""Objects that are read together."""
_BYTES_AT_ONCE: Final = 16_000_000
"""How many bytes of objects are held together before they are columns, if one alone has no more."""


class Source(NamedTuple):
    """An object of an hour, and a short name for it."""

    name: str
    info: ObjectInfo


def source_of(info: ObjectInfo) -> Source:
    """Name an object by its key and size."""
    return Source(blake2b(f"{info.key} {info.size}".encode(), digest_size=16).hexdigest(), info)


class Sources:
    """Reads the objects of an hour."""

    def __init__(self, storage: Storage, together: Together, hour: Hour, moves: Moves) -> None:
        self._storage = storage
        self._together = together
        self._hour = hour
        self._moves = moves
        self._opened: tuple[str, bytes] = "", b""

    async def parts(self, sources: Sequence[Source]) -> AsyncIterator[tuple[Source, Part | TelemetryError]]:
        """Read objects, some of them together; of one that is damaged or cannot be read, yield why."""
        for some in _in_batches(sources):
            found = await self._together([partial(self._part, source.info) for source in some])
            for pair in zip(some, found, strict=True):
                yield pair

    async def _part(self, info: ObjectInfo) -> Part:
        """Return what an object holds. Raise DamagedObjectError, or what the store raises."""
        key, is_piece, number = info.key.partition(PIECE)
        if is_piece:
            return await self._piece(key, int(number))
        faults = LineFaults()
        content = objects.decode_content(info.key, await self._storage.get(info.key))
        return Part(lines.read(content, self._hour, faults), faults)

    async def _piece(self, key: str, number: int) -> Part:
        """Return a piece of an object, which is read once for pieces that follow each other."""
        if self._opened[0] != key:
            self._opened = key, await self._storage.get(key)
        data = self._opened[1]
        return Part(Columns.concatenate(list(self._moves.read(key, data, self._hour, number))), LineFaults())


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
