"""Use-case: turn the objects of an hour into its figures, and find the hours whose figures are out of date.

The figures of an hour are a pure function of its objects. They name them: by their number and by a digest of
their listing. So an hour that late data changed is found by comparing listings, and rebuilding it twice
changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from telemetry.domain.contract import partition
from telemetry.domain.contract.moment import Hour, day_path, format_timestamp, hour_path, start_ms
from telemetry.domain.figures.rollup import Figures, Rollup, VehicleFigures
from telemetry.domain.store import objects
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError, Storage


class Aggregated(msgspec.Struct, frozen=True):
    """The figures of an hour as they are stored.

    `input_digest` is of the listing of all `objects` that were read. `skewed` counts the records received in
    this hour that are in no hour's figures, because their clock could not be believed. `damaged` counts the
    objects that could not be decoded and are left out. The rest is as in `rollup.Figures`.
    """

    hour: str
    objects: int
    input_digest: str
    records: int
    unique: int
    duplicates: int
    refused: int
    skewed: int
    vehicles: Mapping[str, VehicleFigures]
    damaged: int = 0


class Built(msgspec.Struct, frozen=True):
    """An hour whose figures were written under `key`, and what was damaged in its objects and left out."""

    hour: Hour
    key: str
    aggregated: Aggregated
    damage: Sequence[DamagedObjectError] = ()


class _Listing(NamedTuple):
    """The objects of an hour, in the two trees."""

    raw: Sequence[ObjectInfo]
    skewed: Sequence[ObjectInfo]

    @property
    def digest(self) -> str:
        """Name what is listed, by key and size."""
        named = (f"{info.key} {info.size}\n" for tree in self for info in tree)
        return blake2b("".join(named).encode(), digest_size=16).hexdigest()


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Aggregated).decode


class Aggregator:
    """Keeps the figures of hours in step with their objects."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._built_from: dict[Hour, str] = {}

    async def build(self, hour: Hour) -> Built | None:
        """Build the figures of an hour, without what is damaged; None if it has no object.

        Raise StoreUnavailableError, or ObjectNotFoundError if an object was removed after it was listed.
        """
        listing = await self._list(hour)
        return await self._build(hour, listing) if any(listing) else None

    async def refresh(self, hour: Hour) -> Built | None:
        """Build the figures of an hour only if its listing is not the one that they were built from."""
        return await self.build(hour) if await self.is_stale(hour) else None

    async def stale(self, hours: Iterable[Hour]) -> Sequence[Hour]:
        """Find those of these hours that have objects which their figures do not know.

        Whole days are listed, because that costs a store no more than to list an hour.
        """
        wanted = sorted(hours)
        listings: defaultdict[Hour, _Listing] = defaultdict(lambda: _Listing([], []))
        for day in sorted({day_path(hour) for hour in wanted}):
            for hour, listing in (await self._list_day(day)).items():
                listings[hour] = listing
        return [
            hour
            for hour in wanted
            if hour in listings and await self._digest_of_figures(hour) != listings[hour].digest
        ]

    async def is_stale(self, hour: Hour) -> bool:
        """Return whether an hour has objects that its figures do not know."""
        listing = await self._list(hour)
        return any(listing) and await self._digest_of_figures(hour) != listing.digest

    async def figures(self, hour: Hour) -> Aggregated | None:
        """Read the figures of an hour back, if there are any that can be read."""
        try:
            return _decode(await self._storage.get(objects.aggregated_key(hour)))
        except (ObjectNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    async def _build(self, hour: Hour, listing: _Listing) -> Built:
        rollup = Rollup(hour)
        undecodable: list[DamagedObjectError] = []
        of_lines: list[DamagedObjectError] = []
        for info in listing.raw:
            of_lines += rollup.add(await self._lines(info, undecodable)).damage(info.key)
        skewed = sum([len(await self._lines(info, undecodable)) for info in listing.skewed])
        aggregated = _aggregated(hour, listing, rollup.figures(), skewed, len(undecodable))
        key = objects.aggregated_key(hour)
        await self._storage.put(key, _encode(aggregated), overwrite=True)
        self._built_from[hour] = aggregated.input_digest
        return Built(hour, key, aggregated, [*undecodable, *of_lines])

    async def _list(self, hour: Hour) -> _Listing:
        path = hour_path(hour)
        return _Listing(await self._storage.list(f"raw/{path}/"), await self._storage.list(f"skewed/{path}/"))

    async def _list_day(self, day: str) -> Mapping[Hour, _Listing]:
        listings: defaultdict[Hour, tuple[list[ObjectInfo], list[ObjectInfo]]] = defaultdict(lambda: ([], []))
        for place, tree in enumerate(_Listing._fields):
            for info in await self._storage.list(f"{tree}/{day}/"):
                with suppress(ValueError):  # what others put there
                    listings[partition.parse_path(info.key).hour][place].append(info)
        return {hour: _Listing(*trees) for hour, trees in listings.items()}

    async def _lines(self, info: ObjectInfo, undecodable: list[DamagedObjectError]) -> Sequence[bytes]:
        """Return the lines of an object, none of one that is damaged."""
        data = await self._storage.get(info.key)
        try:
            return objects.decode_object(info.key, data)
        except DamagedObjectError as error:
            undecodable.append(error)
            return ()

    async def _digest_of_figures(self, hour: Hour) -> str | None:
        if hour not in self._built_from and (figures := await self.figures(hour)):
            self._built_from[hour] = figures.input_digest
        return self._built_from.get(hour)


def _aggregated(hour: Hour, listing: _Listing, figures: Figures, skewed: int, damaged: int) -> Aggregated:
    return Aggregated(
        hour=format_timestamp(start_ms(hour)),
        objects=len(listing.raw) + len(listing.skewed),
        input_digest=listing.digest,
        records=figures.records,
        unique=figures.unique,
        duplicates=figures.duplicates,
        refused=figures.refused,
        skewed=skewed,
        vehicles=figures.vehicles,
        damaged=damaged,
    )
