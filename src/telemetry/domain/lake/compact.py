"""Use-case: make few large objects of the many small ones of a complete hour.

1. Find the manifest that counts, and the raw objects that it does not name.
2. If there is something new, and the hour is complete, leave out what its figures were not built from. Once
   that was taken up and removed, no listing would tell the aggregator of it.
3. Have the engine make the next manifest (`revise`).
4. Later, remove what nobody needs any more (`tidy`).

A crash in 3 leaves objects that no manifest names, which `tidy` removes. If two do this at once, the put of
one fails, and it removes what it wrote. Late objects are taken up by the next run in the same way.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from telemetry.domain.clock import Clock
from telemetry.domain.contract.moment import Hour
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures.archive import Archive
from telemetry.domain.figures.engine import Engine, here
from telemetry.domain.figures.find import Finder
from telemetry.domain.lake.follow import follow
from telemetry.domain.lake.revise import Compacted, CompactTerms, Reviser
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError
from telemetry.domain.together import Together, one_by_one

_UNREADABLE: Final = (ObjectNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Certificate(msgspec.Struct, frozen=True):
    state: str


class _Certified(msgspec.Struct, frozen=True):
    certificate: _Certificate | None = None


_decode: Final = msgspec.json.Decoder(_Certified).decode


class Compactor:
    """Compacts hours, each as one job of an engine."""

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        together: Together = one_by_one,
        terms: CompactTerms | None = None,
        engine: Engine = here,
    ) -> None:
        self._storage = shelf.storage
        self._revise = Reviser(shelf, clock, together, terms or CompactTerms())
        self._finder = Finder(shelf.storage, together)
        self._archive = Archive(shelf.storage)
        self._engine = engine
        self._left: dict[Hour, frozenset[str]] = {}

    async def compact(self, hour: Hour) -> Compacted | None:
        """Compact an hour. Return None if it is not complete, or has nothing new that its figures have."""
        reading = await follow(self._storage, hour)
        if self._is_left(hour, reading.raw) or not await self._is_complete(hour):
            return None
        counted = await self._counted(hour, reading.raw)
        if self._is_left(hour, counted):
            return None
        reading = msgspec.structs.replace(reading, raw=counted)
        made = await self._engine(partial(self._revise, hour, reading))
        self._left[hour] = frozenset(error.key for error in made.left)
        return made

    def _is_left(self, hour: Hour, raw: Sequence[ObjectInfo]) -> bool:
        """Return whether there is nothing but what could not be read before."""
        return {info.key for info in raw} <= self._left.get(hour, frozenset())

    async def _counted(self, hour: Hour, raw: Sequence[ObjectInfo]) -> Sequence[ObjectInfo]:
        """Return the raw objects that the figures of an hour were built from.

        If it is only known how many these were, they are all that the figures were compared with.
        """
        found = (await self._finder.hours([hour]))[hour]
        if isinstance(found, TelemetryError):
            raise found
        previous = await self._archive.previous(found)
        if previous and previous.inputs.raw is None:
            return raw if previous.seen == found.listing.digest else ()
        built_from = (previous.inputs.raw if previous else None) or {}
        return [info for info in raw if built_from.get(info.key) == info.size]

    async def _is_complete(self, hour: Hour) -> bool:
        try:
            found = _decode(await self._storage.get(objects.aggregated_key(hour)))
        except _UNREADABLE:
            return False
        return found.certificate is not None and found.certificate.state == "complete"
