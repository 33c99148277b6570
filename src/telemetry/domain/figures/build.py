"""Fold the objects of a listing into the figures of their hour."""

from telemetry.domain.contract.moment import Hour, format_timestamp, start_ms
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.figures.hour import Aggregated, Built, Listing
from telemetry.domain.figures.rollup import Figures, Rollup
from telemetry.domain.store import objects
from telemetry.domain.store.objects import DamagedObjectError, UnreadObjectError
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError, Storage


class Builder:
    """Makes the figures of hours, each from all of its objects."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def build(self, hour: Hour, listing: Listing) -> Built:
        """Build the figures of an hour from its raw objects; what is damaged or cannot be read is left out.

        Nothing is stored, and skewed objects are not read. Raise StoreUnavailableError if no object could be
        read at all.
        """
        rollup = Rollup(hour)
        undecodable: list[DamagedObjectError] = []
        of_lines: list[DamagedObjectError] = []
        for info in listing.raw:
            of_lines += rollup.add(await self._content(info, undecodable)).damage(info.key)
        objects.check_reach(undecodable, listing.objects)
        unread = {error.key for error in undecodable if isinstance(error, UnreadObjectError)}
        aggregated = _aggregated(hour, listing.without(unread), rollup.figures(), len(undecodable))
        return Built(hour, objects.aggregated_key(hour), aggregated, [*undecodable, *of_lines])

    async def _content(self, info: ObjectInfo, undecodable: list[DamagedObjectError]) -> bytes:
        """Return the lines of an object, none of one that is damaged or cannot be read."""
        try:
            return objects.decode_content(info.key, await self._storage.get(info.key))
        except (DamagedObjectError, ObjectNotFoundError, OutOfReachError) as error:
            undecodable.append(objects.unread(info.key, error))
        return b""


def _aggregated(hour: Hour, listing: Listing, figures: Figures, damaged: int) -> Aggregated:
    return Aggregated(
        hour=format_timestamp(start_ms(hour)),
        objects=listing.objects,
        input_digest=listing.digest,
        records=figures.records,
        unique=figures.unique,
        duplicates=figures.duplicates,
        refused=figures.refused,
        skewed=0,  # which is counted beside the fold
        vehicles=figures.vehicles,
        damaged=damaged,
        conflicting=figures.conflicting,
        left_out=figures.left_out,
    )
