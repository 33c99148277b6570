"""Use-case: turn the objects of an hour into its figures, and find the hours whose figures are out of date.

The figures of an hour are a pure function of its objects. They name them: by their number and by a digest of
their listing. So an hour that late data changed is found by comparing listings, and rebuilding it twice
changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import msgspec

from telemetry.domain.contract import partition
from telemetry.domain.contract.moment import Hour, day_path, hour_path
from telemetry.domain.figures import hour as stored
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.hour import Aggregated, Built, Listing
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError, Storage


class Aggregator:
    """Keeps the figures of hours in step with their objects."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._builder = Builder(storage)
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
        listings: defaultdict[Hour, Listing] = defaultdict(lambda: Listing([], []))
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
            return stored.decode(await self._storage.get(objects.aggregated_key(hour)))
        except (ObjectNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    async def _build(self, hour: Hour, listing: Listing) -> Built:
        built = await self._builder.build(hour, listing)
        self._built_from[hour] = built.aggregated.input_digest
        return built

    async def _list(self, hour: Hour) -> Listing:
        path = hour_path(hour)
        return Listing(await self._storage.list(f"raw/{path}/"), await self._storage.list(f"skewed/{path}/"))

    async def _list_day(self, day: str) -> Mapping[Hour, Listing]:
        listings: defaultdict[Hour, tuple[list[ObjectInfo], list[ObjectInfo]]] = defaultdict(lambda: ([], []))
        for place, tree in enumerate(Listing._fields):
            for info in await self._storage.list(f"{tree}/{day}/"):
                with suppress(ValueError):  # what others put there
                    listings[partition.parse_path(info.key).hour][place].append(info)
        return {hour: Listing(*trees) for hour, trees in listings.items()}

    async def _digest_of_figures(self, hour: Hour) -> str | None:
        if hour not in self._built_from and (figures := await self.figures(hour)):
            self._built_from[hour] = figures.input_digest
        return self._built_from.get(hour)
