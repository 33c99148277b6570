"""Find what a store holds of hours: their objects in two trees, their figures, and the inputs of these."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec

from telemetry.domain.contract import partition
from telemetry.domain.contract.moment import Hour, hour_path
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures import inputs
from telemetry.domain.figures.hour import Listing
from telemetry.domain.figures.inputs import Name
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo, Storage
from telemetry.domain.together import Together

TREES: Final = (*objects.RECORDS, "aggregated/")
_HOURS_A_DAY: Final = 24


class Beside(msgspec.Struct, frozen=True):
    """An object with inputs, as a listing shows it."""

    info: ObjectInfo
    name: Name

    def is_of(self, figures: ObjectInfo) -> bool:
        """Return whether figures are those that it was put after: others are newer, or of another size."""
        return figures.size == self.name.size and figures.stored_ms <= self.info.stored_ms


class Found(msgspec.Struct, frozen=True):
    """What there is of an hour: its objects, its figures, what they were built from, and the marker.

    `claims` are the hours whose skewed records may be of this one.
    """

    hour: Hour
    listing: Listing
    figures: ObjectInfo | None = None
    inputs: Sequence[Beside] = ()
    claims: frozenset[Hour] = frozenset()
    marker: ObjectInfo | None = None

    @property
    def is_current(self) -> bool:
        """Whether the figures were compared with this listing and not touched since.

        An hour without objects has no figures, and is current too.
        """
        if self.intact is None:
            return self.is_silent
        return self.inputs[0].name.seen == self.listing.digest

    @property
    def intact(self) -> ObjectInfo | None:
        """Return the figures if they were not touched since they were stored, with what is beside them."""
        if self.figures is None or len(self.inputs) != 1 or not self.inputs[0].is_of(self.figures):
            return None
        return self.figures

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all is there of the hour."""
        return self.figures is None and not any((*self.listing, self.inputs, self.marker))

    @property
    def is_unmarked(self) -> bool:
        """Whether there are figures that are not marked as complete."""
        return self.figures is not None and (
            self.marker is None or self.marker.stored_ms < self.figures.stored_ms
        )


class Finder:
    """Lists hours of a store, many of them together."""

    def __init__(self, storage: Storage, together: Together) -> None:
        self._storage = storage
        self._together = together

    async def hours(self, hours: Iterable[Hour]) -> Mapping[Hour, Found | TelemetryError]:
        """Find these hours; one that cannot be listed has the reason instead.

        Each tree of an hour is listed by itself, so that a folder that cannot be listed costs its hour only.
        """
        wanted = sorted(set(hours))
        listed = await self._list([f"{tree}{hour_path(hour)}/" for hour in wanted for tree in TREES])
        found: dict[Hour, Found | TelemetryError] = {}
        for hour in wanted:
            listings, listed = listed[: len(TREES)], listed[len(TREES) :]
            found[hour] = _failure(listings) or _found(hour, _objects(listings))
        return found

    async def days(self, days: Sequence[str]) -> Mapping[Hour, Found | TelemetryError]:
        """Find the hours of days, given as their folders, of which anything is there.

        If a day cannot be listed, each of its hours is.
        """
        listed = await self._list([f"{tree}{day}/" for day in days for tree in TREES])
        found: dict[Hour, Found | TelemetryError] = {}
        for day in days:
            listings, listed = listed[: len(TREES)], listed[len(TREES) :]
            if _failure(listings):
                first = partition.parse_path(f"raw/{day}/hour=00").hour
                found |= await self.hours(Hour(first + hour) for hour in range(_HOURS_A_DAY))
            else:
                found |= _of_day(_objects(listings))
        return found

    async def _list(self, prefixes: Sequence[str]) -> Sequence[Sequence[ObjectInfo] | TelemetryError]:
        return await self._together([partial(self._storage.list, prefix) for prefix in prefixes])


def _of_day(infos: Iterable[ObjectInfo]) -> Mapping[Hour, Found]:
    by_hour: defaultdict[Hour, list[ObjectInfo]] = defaultdict(list)
    for info in infos:
        with suppress(ValueError):  # what others put there
            by_hour[_hour(info.key)].append(info)
    return {hour: _found(hour, of_hour) for hour, of_hour in by_hour.items()}


def _failure(listings: Iterable[Sequence[ObjectInfo] | TelemetryError]) -> TelemetryError | None:
    return next((each for each in listings if isinstance(each, TelemetryError)), None)


def _objects(listings: Iterable[Sequence[ObjectInfo] | TelemetryError]) -> Iterator[ObjectInfo]:
    return (info for each in listings if not isinstance(each, TelemetryError) for info in each)


def _hour(key: str) -> Hour:
    """Return the hour that an object of any of the trees lies in. Raise ValueError if it lies in none."""
    return partition.parse_path(f"raw/{key.partition('/')[2]}").hour


def _found(hour: Hour, infos: Iterable[ObjectInfo]) -> Found:
    trees: defaultdict[str, list[ObjectInfo]] = defaultdict(list)
    for info in infos:
        trees[info.key.partition("/")[0]].append(info)
    named = {info.key: info for info in trees["aggregated"]}
    figures, marker = named.get(objects.aggregated_key(hour)), named.get(objects.complete_key(hour))
    beside = [Beside(info, name) for info in trees["aggregated"] if (name := inputs.read_name(info.key))]
    claims = frozenset(
        each for info in trees["aggregated"] if (each := inputs.read_claim(info.key)) is not None
    )
    listing = Listing(trees["raw"], trees["skewed"])
    return Found(hour, listing, figures, beside, claims, marker)
