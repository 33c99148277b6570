"""The runs of an hour: each object is read once into one of them, which is kept in the cache.

A run is named by its objects. If the cache has lost it, they are read again.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from typing import Final, TypeVar

from telemetry.domain.contract.moment import Hour
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures import packed, run
from telemetry.domain.figures.cache import Cache
from telemetry.domain.figures.columns import Columns
from telemetry.domain.figures.packed import DamagedError
from telemetry.domain.figures.run import PackedRun, Part
from telemetry.domain.figures.sources import Source, Sources
from telemetry.domain.figures.state import RunInfo

T = TypeVar("T")

_RECORDS: Final = 200_000
"""How many records of several objects make a run at the most, if one alone has no more."""


class LostError(Exception):
    """Objects whose records are needed again cannot be read any more."""


class Runs:
    """Makes runs of objects, and reads them; those that it made are held in memory if they are few."""

    def __init__(
        self, sources: Sources, listed: Mapping[str, Source], cache: Cache, hour: Hour, most: int
    ) -> None:
        """Hold what was made as long as it is `most` records in all; `listed` has the objects by name."""
        self._sources = sources
        self._listed = listed
        self._cache = cache
        self._hour = hour
        self._most = most
        self._made = 0
        self._held: dict[str, bytes] = {}
        self.errors: dict[str, TelemetryError] = {}
        """Why objects are in no run, by key."""

    @property
    def are_held(self) -> bool:
        """Whether all that was made is held."""
        return self._made <= self._most

    async def make(self, sources: Sequence[Source]) -> Sequence[RunInfo]:
        """Read objects for the first time."""
        made: list[RunInfo] = []
        parts: dict[str, Part] = {}
        size = 0
        async for source, part in self._sources.parts(sources):
            if isinstance(part, TelemetryError):
                self.errors[source.info.key] = part
                continue
            if parts and size + part.columns.size > _RECORDS:
                made.append(await self._put(parts))
                parts, size = {}, 0
            parts[source.name] = part
            size += part.columns.size
        return [*made, await self._put(parts)] if parts else made

    async def sizes(self, infos: Iterable[RunInfo]) -> Counter[str]:
        """Count the records of each vehicle. Raise LostError."""
        sizes: Counter[str] = Counter()
        for info in infos:
            sizes.update(await self._read(info, PackedRun.sizes))
        return sizes

    async def columns(
        self, infos: Iterable[RunInfo], vehicles: Container[str], signals: Container[str] | None = None
    ) -> list[Columns]:
        """Return the records of some vehicles in the objects of runs, maybe only some signals of them.

        Raise LostError.
        """
        read = partial(PackedRun.columns, vehicles=vehicles, signals=signals)
        return [await self._read(info, partial(read, objects=info.objects.keys())) for info in infos]

    async def _read(self, info: RunInfo, read: Callable[[PackedRun], T]) -> T:
        data = self._held.get(info.name) or await self._cache.get(info.name)
        if data is not None:
            with suppress(DamagedError):
                return read(PackedRun(memoryview(data)))
        return read(PackedRun(memoryview(await self._again(info))))

    async def _again(self, info: RunInfo) -> bytes:
        """Make a run anew from its objects."""
        parts: dict[str, Part] = {}
        async for source, part in self._sources.parts([self._listed[name] for name in info.objects]):
            if isinstance(part, TelemetryError):
                raise LostError from part
            parts[source.name] = part
        data = run.pack(run.of(parts))
        await self._cache.put(info.name, data)
        return data

    async def _put(self, parts: Mapping[str, Part]) -> RunInfo:
        made = run.of(parts)
        data = run.pack(made)
        name = name_of(self._hour, parts)
        await self._cache.put(name, data)
        self._made += made.columns.size
        self._held[name] = data
        if not self.are_held:
            self._held.clear()
        first, last = made.span()
        return RunInfo(name, made.objects, made.columns.size, first, last)


def name_of(hour: Hour, names: Iterable[str]) -> str:
    """Name the run of some objects in the cache by their names."""
    named = blake2b(" ".join(names).encode(), digest_size=16).hexdigest()
    return f"{hour}/run-{packed.VERSION}-{named}"
