"""How many skewed records of an hour are in no hour's figures.

A record can be delivered twice, and be believed once: if the first delivery came a moment too early, or the
second too late. Then a copy lies in `skewed/`, by the hour of its receipt, and one in `raw/`, in the hour of
its timestamp, which it claims. It is in the figures of that hour, and so it is not counted as skewed. Whether
it is, has to be looked for only where the claimed hour has figures of its stream around its timestamp, which
is seldom so; then the runs of that hour are read (`fold`).

The claimed hour may get the record later. So an hour that is claimed is marked by an object beside its
figures, `_skewed-<hour of receipt>`, and before new figures of it are stored, the hours that claim it are
counted again. One that has changed is built soon, and is told to be: its objects may become again what they
were, when a record that came is filed elsewhere.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec

from telemetry.domain.contract.moment import Hour, hour_path
from telemetry.domain.errors import OutOfReachError, TelemetryError
from telemetry.domain.figures import inputs, times
from telemetry.domain.figures.archive import Archive, Previous
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.columns import Times
from telemetry.domain.figures.find import Finder, Found
from telemetry.domain.figures.hour import Aggregated, Built, Listing
from telemetry.domain.figures.memory import Memory
from telemetry.domain.store import objects
from telemetry.domain.store.objects import DamagedObjectError, LineFaults, UnreadObjectError
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError, Storage
from telemetry.domain.together import Together

_REMEMBERED: Final = 4_000_000  # records, of which each takes 8 bytes
_FARTHEST_CLAIM: Final = 60 * 24
"""Hours between a receipt and a timestamp, beyond which no mark is left: a clock of 1970 marks no hour."""

Figures = Callable[[Hour], Awaitable[Aggregated | None]]
"""Reads the figures of an hour."""


class Skewed(msgspec.Struct, frozen=True):
    """How many skewed records of an hour are in no figures, and which other hours they claim."""

    count: int
    claimed: frozenset[Hour]
    damage: Sequence[DamagedObjectError]


class SkewedCounter:
    """Counts skewed records, and remembers what it read for that."""

    def __init__(self, storage: Storage, together: Together, builder: Builder) -> None:
        self._builder = builder
        self._storage = storage
        self._together = together
        self._read: Memory[Times] = Memory(_REMEMBERED)
        self._empty: set[Hour] = set()

    def changed(self, hour: Hour) -> None:
        """Take note that the raw objects of an hour are others now."""
        self._empty.discard(hour)

    async def count(self, hour: Hour, listing: Listing, figures: Figures) -> Skewed:
        """Count the skewed records of an hour, each identity once, that are in no hour's figures.

        Raise StoreUnavailableError if none of the objects of an hour without raw ones could be read.
        """
        damage: list[DamagedObjectError] = []
        claims = times.by_hour(await self._times(listing.skewed, damage))
        objects.check_reach(damage, listing.objects)
        believed = 0
        for claimed, claims_of_hour in claims.items():
            raw = listing.raw if claimed == hour else await self._raw(claimed)
            if raw and (suspects := times.within(claims_of_hour, await figures(claimed))):
                vehicles = {vehicle_id for vehicle_id, _ in suspects}
                believed += times.common(suspects, await self._builder.times(claimed, raw, vehicles))
        records = sum(map(times.count, claims.values()))
        return Skewed(records - believed, frozenset(claims.keys() - {hour}), damage)

    async def _raw(self, hour: Hour) -> Sequence[ObjectInfo]:
        """List the raw objects of an hour; one that has none is not listed again until it changes."""
        if hour in self._empty:
            return ()
        there = await self._storage.list(f"raw/{hour_path(hour)}/")
        listed = (await self._builder.whole(hour, Listing(there, ()))).raw
        if not listed:
            self._empty.add(hour)
        return listed

    async def _times(self, infos: Sequence[ObjectInfo], damage: list[DamagedObjectError]) -> Sequence[Times]:
        """Read the identities in skewed objects; add what is wrong with them to `damage`."""
        read = await self._together([partial(self._times_of, info, damage) for info in infos])
        return [each for each in read if not isinstance(each, TelemetryError)]

    async def _times_of(self, info: ObjectInfo, damage: list[DamagedObjectError]) -> Times:
        if known := self._read.get(info):
            return known
        faults = LineFaults()
        try:
            content = objects.decode_content(info.key, await self._storage.get(info.key))
        except (DamagedObjectError, ObjectNotFoundError, OutOfReachError) as error:
            damage.append(objects.unread(info.key, error))
            return {}
        found = times.of_any(content, faults)
        damage += faults.damage(info.key)
        self._read.put(info, found, times.count(found))
        return found


class SkewedFigures:
    """Keeps what figures say of skewed records true."""

    def __init__(
        self, storage: Storage, archive: Archive, finder: Finder, together: Together, builder: Builder
    ) -> None:
        self._storage = storage
        self._archive = archive
        self._finder = finder
        self._builder = builder
        self._counter = SkewedCounter(storage, together, builder)
        self._claims: defaultdict[Hour, set[Hour]] = defaultdict(set)

    async def counted(self, found: Found, built: Built) -> Built:
        """Count the skewed records of an hour that was built, and mark the hours that they claim."""
        hour, figures = found.hour, built.aggregated
        skewed = await self._counter.count(hour, found.listing, self._figures(hour, figures))
        for claimed in skewed.claimed:
            if abs(claimed - hour) <= _FARTHEST_CLAIM and hour not in self._claims[claimed]:
                await self._storage.put(inputs.claim_key(claimed, hour), b"")
                self._claims[claimed].add(hour)
        damage = [*built.damage, *skewed.damage]
        read = found.listing.without({each.key for each in damage if isinstance(each, UnreadObjectError)})
        aggregated = msgspec.structs.replace(
            figures,
            objects=read.objects,
            raw_objects=len(read.raw),
            input_digest=read.digest,
            skewed=skewed.count,
            damaged=figures.damaged + objects.damaged(skewed.damage),
        )
        return msgspec.structs.replace(built, aggregated=aggregated, damage=damage)

    async def count_again(self, found: Found, aggregated: Aggregated) -> None:
        """Count the hours again that claim one that was built, before its new figures are stored."""
        self._counter.changed(found.hour)
        claiming = sorted((found.claims | self._claims[found.hour]) - {found.hour})
        for each in (await self._finder.hours(claiming)).values():
            if isinstance(each, Found) and (previous := await self._archive.previous(each)):
                await self._correct(each, previous, self._figures(found.hour, aggregated))

    async def _correct(self, found: Found, previous: Previous, figures: Figures) -> None:
        """Count an hour again, or have it built anew if it has changed.

        One whose objects were taken up and removed has not changed, and nobody would find it soon.
        """
        listing = await self._whole(found, previous)
        if listing is None:
            await self._archive.outdate(found, previous)
            return
        stored = await self._archive.figures(found.hour)
        skewed = await self._counter.count(found.hour, listing, figures)
        if stored and previous.seen and skewed.count != stored.skewed:
            stored = msgspec.structs.replace(stored, skewed=skewed.count)
            seen = previous.seen if found.is_current else listing.seen
            await self._archive.put(found, stored, previous.inputs, seen)

    async def _whole(self, found: Found, previous: Previous) -> Listing | None:
        """List an hour with what was taken up and is gone; None if it has changed since it was built."""
        with suppress(DamagedObjectError):  # of a manifest, which who builds the hour says
            listing = await self._builder.whole(found.hour, found.listing)
            if found.is_current or (previous.seen and listing.digest == previous.inputs.digest):
                return listing
        return None

    def _figures(self, hour: Hour, aggregated: Aggregated) -> Figures:
        """Read figures, but those of one hour, which are to be stored next, are given."""

        async def figures(wanted: Hour) -> Aggregated | None:
            return aggregated if wanted == hour else await self._archive.figures(wanted)

        return figures
