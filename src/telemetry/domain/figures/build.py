"""Fold the objects of a listing into the figures of their hour, and store them."""

from collections.abc import Sequence

from telemetry.domain.contract.moment import Hour, format_timestamp, start_ms
from telemetry.domain.figures import hour as stored
from telemetry.domain.figures.hour import Aggregated, Built, Listing
from telemetry.domain.figures.rollup import Figures, Rollup
from telemetry.domain.store import objects
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.storage import ObjectInfo, Storage


class Builder:
    """Makes the figures of hours, each from all of its objects."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def build(self, hour: Hour, listing: Listing) -> Built:
        """Build the figures of an hour from what is listed, without what is damaged, and store them.

        Raise StoreUnavailableError, or ObjectNotFoundError if an object was removed after it was listed.
        """
        rollup = Rollup(hour)
        undecodable: list[DamagedObjectError] = []
        of_lines: list[DamagedObjectError] = []
        for info in listing.raw:
            of_lines += rollup.add(await self._lines(info, undecodable)).damage(info.key)
        skewed = sum([len(await self._lines(info, undecodable)) for info in listing.skewed])
        aggregated = _aggregated(hour, listing, rollup.figures(), skewed, len(undecodable))
        key = objects.aggregated_key(hour)
        await self._storage.put(key, stored.encode(aggregated), overwrite=True)
        return Built(hour, key, aggregated, [*undecodable, *of_lines])

    async def _lines(self, info: ObjectInfo, undecodable: list[DamagedObjectError]) -> Sequence[bytes]:
        """Return the lines of an object, none of one that is damaged."""
        data = await self._storage.get(info.key)
        try:
            return objects.decode_object(info.key, data)
        except DamagedObjectError as error:
            undecodable.append(error)
            return ()


def _aggregated(hour: Hour, listing: Listing, figures: Figures, skewed: int, damaged: int) -> Aggregated:
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
        conflicting=figures.conflicting,
    )
