"""Find what a store holds of a vehicle, object by object, and read it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from functools import partial
from itertools import groupby
from typing import Final, TypeVar

import msgspec

from telemetry.domain.contract import codec, partition
from telemetry.domain.contract.moment import Hour, parse_timestamp, start_ms
from telemetry.domain.contract.record import Record
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures import summed
from telemetry.domain.figures.columns import Columns
from telemetry.domain.lake import manifest
from telemetry.domain.lake.follow import current
from telemetry.domain.lake.manifest import Content
from telemetry.domain.privacy.holdings import Holdings
from telemetry.domain.privacy.theirs import Split, Vehicle
from telemetry.domain.store import objects, quarantine
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError

T = TypeVar("T")

_AT_ONCE: Final = 32
_ROWS: Final = 10_000  # whose lines fit into an object of the raw store


class Lines(msgspec.Struct, frozen=True):
    """Lines of an object, and what of them is of the vehicle."""

    key: str
    split: Split


class Bodies(msgspec.Struct, frozen=True):
    """An object of the quarantine: lines of the vehicle in its bodies, and the bodies without them."""

    key: str
    theirs: Sequence[bytes]
    rest: Sequence[QuarantinedBody]


class Survey:
    """Looks through one store. Every verb raises StoreUnavailableError, or DamagedObjectError."""

    def __init__(self, holdings: Holdings, vehicle: Vehicle) -> None:
        self._storage = holdings.storage
        self._read = holdings.read
        self._together = holdings.together
        self._vehicle = vehicle

    async def lines(self) -> AsyncIterator[Lines]:
        """Yield the objects of `raw/` and `skewed/` that have lines of the vehicle."""
        for tree in objects.RECORDS:
            async for found in self._each(await self._storage.list(tree), self._lines):
                yield found

    async def compacted(self) -> AsyncIterator[Hour]:
        """Yield the compacted hours that have records of the vehicle."""
        infos = await self._storage.list(manifest.COMPACTED)
        for hour in sorted({_hour(info.key) for info in infos if manifest.revision_of(info.key)}):
            for content in await self._contents(hour):
                if any([columns.size async for columns in self._theirs(content, hour)]):
                    yield hour
                    break

    async def leftovers(self) -> AsyncIterator[str]:
        """Yield what lies in `compacted/` and counts no more, or never did, and may have the vehicle."""
        keys = [info.key for info in await self._storage.list(manifest.COMPACTED)]
        ours = [key for key in keys if manifest.is_content(key) or manifest.revision_of(key) is not None]
        for hour, of_hour in groupby(ours, _hour):
            counts = await self._counting(hour)
            for key in of_hour:
                if key not in counts and await self._may_hold(key, hour):
                    yield key

    async def parts(self, hour: Hour) -> AsyncIterator[Lines]:
        """Yield all records of a compacted hour as lines, copies too, in parts."""
        for content in await self._contents(hour):
            for columns in self._read(content.key, await self._storage.get(content.key), hour):
                records = _records(columns, hour)
                for start in range(0, len(records), _ROWS):
                    lines = codec.encode_lines(records[start : start + _ROWS]).splitlines()
                    yield Lines(content.key, self._vehicle.split(lines))

    async def bodies(self) -> AsyncIterator[Bodies]:
        """Yield the objects of the quarantine that have bodies of the vehicle, dismissed ones included."""
        for tree in (objects.QUARANTINE, objects.DISMISSED):
            async for found in self._each(await self._storage.list(tree), self._bodies):
                yield found

    async def figures(self) -> AsyncIterator[str]:
        """Yield the keys of figures that name the vehicle."""
        async for key in self._each(await self._storage.list("aggregated/"), self._figures):
            yield key

    async def _each(
        self, infos: Sequence[ObjectInfo], look: Callable[[ObjectInfo], Awaitable[T | None]]
    ) -> AsyncIterator[T]:
        """Look at objects, some of them together; what was removed meanwhile is passed over."""
        for start in range(0, len(infos), _AT_ONCE):
            some = infos[start : start + _AT_ONCE]
            for found in await self._together([partial(look, info) for info in some]):
                if isinstance(found, TelemetryError):
                    if not isinstance(found, ObjectNotFoundError):
                        raise found
                elif found is not None:
                    yield found

    async def _lines(self, info: ObjectInfo) -> Lines | None:
        content = objects.decode_content(info.key, await self._storage.get(info.key))
        if not self._vehicle.may_be_in(content):
            return None
        split = self._vehicle.split(content.splitlines())
        return Lines(info.key, split) if split.theirs else None

    async def _figures(self, info: ObjectInfo) -> str | None:
        return info.key if self._vehicle.is_named(await self._storage.get(info.key)) else None

    async def _bodies(self, info: ObjectInfo) -> Bodies | None:
        theirs: list[bytes] = []
        rest: list[QuarantinedBody] = []
        for body in quarantine.decode(await self._storage.get(info.key)):
            split = self._vehicle.split_body(body.body, parse_timestamp(body.sent_at))
            theirs += split.theirs
            if split.rest is not None:
                rest.append(body.holding(split.rest) if split.theirs else body)
        return Bodies(info.key, theirs, rest) if theirs else None

    async def _contents(self, hour: Hour) -> Sequence[Content]:
        made, _ = await current(self._storage, hour)
        return made.contents if made else ()

    async def _counting(self, hour: Hour) -> Collection[str]:
        """Return the keys of the manifest that counts and of what it names."""
        made, _ = await current(self._storage, hour)
        if made is None:
            return ()
        return {manifest.manifest_key(hour, made.revision), *(each.key for each in made.beside)}

    async def _may_hold(self, key: str, hour: Hour) -> bool:
        """Look into an object that nobody needs; one that cannot be read may hold anything."""
        try:
            data = await self._storage.get(key)
            if manifest.revision_of(key) is not None:
                return self._vehicle.is_named(data)
            if manifest.is_sums(key):
                return any(vehicle == self._vehicle.id for vehicle, _ in summed.decode(data).partial.streams)
            return any(part.of_vehicles({self._vehicle.id}).size for part in self._read(key, data, hour))
        except ObjectNotFoundError:
            return False
        except ValueError:
            return True

    async def _theirs(self, content: Content, hour: Hour) -> AsyncIterator[Columns]:
        if content.first_vehicle <= self._vehicle.id <= content.last_vehicle:
            for columns in self._read(content.key, await self._storage.get(content.key), hour):
                yield columns.of_vehicles({self._vehicle.id})


def _records(columns: Columns, hour: Hour) -> Sequence[Record]:
    start = start_ms(hour)
    fields = (columns.stream.tolist(), columns.offset.tolist(), columns.received.tolist(), columns.payloads())
    rows = ((columns.streams[stream], *rest) for stream, *rest in zip(*fields, strict=True))
    return [
        Record(start + offset, vehicle_id, can_id, dict(payload), received)
        for (vehicle_id, can_id), offset, received, payload in rows
    ]


def _hour(key: str) -> Hour:
    return partition.parse_path(f"raw/{key.partition('/')[2]}").hour
