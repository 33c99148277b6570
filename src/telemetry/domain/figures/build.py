"""Fold the objects of a listing into the figures of their hour."""

from collections.abc import Sequence

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
        """Build the figures of an hour from what is listed; what is damaged or cannot be read is left out.

        Nothing is stored. Raise StoreUnavailableError if no object could be read at all.
        """
        rollup = Rollup(hour)
        undecodable: list[DamagedObjectError] = []
        of_lines: list[DamagedObjectError] = []
        for info in listing.raw:
            of_lines += rollup.add(await self._content(info, undecodable)).damage(info.key)
        skewed = sum([len((await self._content(info, undecodable)).splitlines()) for info in listing.skewed])
        _check_reach(listing, undecodable)
        unread = {error.key for error in undecodable if isinstance(error, UnreadObjectError)}
        figures = rollup.figures()
        aggregated = _aggregated(hour, listing.without(unread), figures, skewed, len(undecodable))
        return Built(hour, objects.aggregated_key(hour), aggregated, [*undecodable, *of_lines])

    async def _content(self, info: ObjectInfo, undecodable: list[DamagedObjectError]) -> bytes:
        """Return the lines of an object, none of one that is damaged or cannot be read."""
        try:
            return objects.decode_content(info.key, await self._storage.get(info.key))
        except DamagedObjectError as error:
            undecodable.append(error)
        except ObjectNotFoundError:
            undecodable.append(UnreadObjectError(info.key, "it was removed after it was listed"))
        except OutOfReachError as error:
            undecodable.append(_unread(info, error))
        return b""


def _unread(info: ObjectInfo, error: OutOfReachError) -> UnreadObjectError:
    unread = UnreadObjectError(info.key, str(error))
    unread.__cause__ = error
    return unread


def _check_reach(listing: Listing, errors: Sequence[DamagedObjectError]) -> None:
    """Raise what the store said if it let nothing of a listing be read: then it is away, and no object is."""
    refusals = [error.__cause__ for error in errors if isinstance(error.__cause__, OutOfReachError)]
    if refusals and len(refusals) == listing.objects:
        raise refusals[0]


def _aggregated(hour: Hour, listing: Listing, figures: Figures, skewed: int, damaged: int) -> Aggregated:
    return Aggregated(
        hour=format_timestamp(start_ms(hour)),
        objects=listing.objects,
        input_digest=listing.digest,
        records=figures.records,
        unique=figures.unique,
        duplicates=figures.duplicates,
        refused=figures.refused,
        skewed=skewed,
        vehicles=figures.vehicles,
        damaged=damaged,
        conflicting=figures.conflicting,
        left_out=figures.left_out,
    )
