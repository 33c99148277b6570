"""Use-case: turn the objects of an hour into its figures, and find the hours whose figures are out of date.

The figures of an hour are a pure function of its objects, and name them: by their number and by a digest of their
listing. So an hour that late data changed is found by comparing listings, and rebuilding it twice changes nothing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Final

import msgspec

from telemetry.domain.contract import partition
from telemetry.domain.contract.moment import instant
from telemetry.domain.contract.partition import HOUR_MS, day_path, hour_path
from telemetry.domain.figures.rollup import Rollup, VehicleFigures
from telemetry.domain.store import objects
from telemetry.domain.store.storage import Entry, ObjectNotFoundError, Storage


class Aggregated(msgspec.Struct, frozen=True):
    """The figures of an hour as they are stored.

    `input_digest` is of the listing of all `objects` that were read. `skewed` counts the records received in this hour
    that are in no hour's figures, because their clock could not be believed. The rest is as in `rollup.Figures`.
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


class Built(msgspec.Struct, frozen=True):
    """An hour whose figures were written under `key`; `hour` counts from 1970-01-01T00 UTC."""

    hour: int
    key: str
    aggregated: Aggregated


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Aggregated).decode


class Aggregate:
    """Keep the figures of hours in step with their objects."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._built_from: dict[int, str] = {}

    async def __call__(self, hour: int) -> Built | None:
        """Build the figures of an hour; None if it has no object.

        Raises OSError if the store cannot be read or written, ValueError naming an object that is damaged.
        """
        raw, skewed = await self._listing(hour)
        return await self._build(hour, raw, skewed) if raw or skewed else None

    async def stale(self, first: int, last: int) -> Sequence[int]:
        """Find the hours from `first` to `last` with objects that their figures do not know.

        Whole days are listed, because that costs a store no more than to list an hour.
        """
        listings: defaultdict[int, tuple[list[Entry], list[Entry]]] = defaultdict(lambda: ([], []))
        for day in sorted({day_path(hour) for hour in range(first, last + 1)}):
            for tree, place in (("raw", 0), ("skewed", 1)):
                for entry in await self._storage.list(f"{tree}/{day}/"):
                    with suppress(ValueError):  # what others put there
                        listings[partition.parse(entry.key).hour][place].append(entry)
        return [
            hour
            for hour, listing in sorted(listings.items())
            if first <= hour <= last and await self._digest_of_figures(hour) != _digest(*listing)
        ]

    async def refresh(self, hour: int) -> Built | None:
        """Build the figures of an hour only if its listing is not the one that they were built from."""
        return await self(hour) if await self.is_stale(hour) else None

    async def is_stale(self, hour: int) -> bool:
        """Tell whether an hour has objects that its figures do not know."""
        raw, skewed = await self._listing(hour)
        return bool(raw or skewed) and await self._digest_of_figures(hour) != _digest(raw, skewed)

    async def figures(self, hour: int) -> Aggregated | None:
        """Read the figures of an hour back, if there are any that can be read."""
        try:
            return _decode(await self._storage.get(objects.aggregated_key(hour)))
        except (ObjectNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    async def _build(self, hour: int, raw: Sequence[Entry], skewed: Sequence[Entry]) -> Built:
        rollup = Rollup(hour)
        for entry in raw:
            rollup.add(await self._lines(entry))
        count_skewed = 0
        for entry in skewed:
            count_skewed += len(await self._lines(entry))
        figures = rollup.figures()
        aggregated = Aggregated(
            hour=instant(hour * HOUR_MS),
            objects=len(raw) + len(skewed),
            input_digest=_digest(raw, skewed),
            records=figures.records,
            unique=figures.unique,
            duplicates=figures.duplicates,
            refused=figures.refused,
            skewed=count_skewed,
            vehicles=figures.vehicles,
        )
        key = objects.aggregated_key(hour)
        await self._storage.put(key, _encode(aggregated), overwrite=True)
        self._built_from[hour] = aggregated.input_digest
        return Built(hour, key, aggregated)

    async def _listing(self, hour: int) -> tuple[Sequence[Entry], Sequence[Entry]]:
        path = hour_path(hour)
        return await self._storage.list(f"raw/{path}/"), await self._storage.list(f"skewed/{path}/")

    async def _lines(self, entry: Entry) -> Sequence[bytes]:
        try:
            return objects.read_lines(entry.key, await self._storage.get(entry.key))
        except ValueError as error:
            raise ValueError(f"{entry.key} is damaged: {error}") from error

    async def _digest_of_figures(self, hour: int) -> str | None:
        if hour not in self._built_from and (figures := await self.figures(hour)):
            self._built_from[hour] = figures.input_digest
        return self._built_from.get(hour)


def _digest(*listings: Sequence[Entry]) -> str:
    named = (f"{entry.key} {entry.size}\n" for listing in listings for entry in listing)
    return blake2b("".join(named).encode(), digest_size=16).hexdigest()
