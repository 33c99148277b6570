"""Use-case: make few large objects of the many small ones of a complete hour.

1. Find the manifest that counts, and the raw objects that it does not name.
2. If there is something new, and the hour is complete, have the engine make the next manifest (`revise`).
3. Later, remove what nobody needs any more (`tidy`).

A crash in 2 leaves objects that no manifest names, which `tidy` removes. If two do this at once, the put of
one fails, and it removes what it wrote. Late objects are taken up by the next run in the same way.
"""

from functools import partial
from typing import Final

import msgspec

from telemetry.domain.clock import Clock
from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.engine import Engine, here
from telemetry.domain.lake.follow import follow
from telemetry.domain.lake.revise import Compacted, CompactTerms, Reviser
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectNotFoundError
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
        self._engine = engine
        self._left: dict[Hour, frozenset[str]] = {}

    async def compact(self, hour: Hour) -> Compacted | None:
        """Compact an hour. Return None if it is not complete, or if there is nothing new that can be read."""
        reading = await follow(self._storage, hour)
        fresh = frozenset(info.key for info in reading.raw)
        if not fresh or fresh == self._left.get(hour) or not await self._is_complete(hour):
            return None
        made = await self._engine(partial(self._revise, hour, reading))
        self._left[hour] = frozenset(error.key for error in made.left)
        return made

    async def _is_complete(self, hour: Hour) -> bool:
        try:
            found = _decode(await self._storage.get(objects.aggregated_key(hour)))
        except _UNREADABLE:
            return False
        return found.certificate is not None and found.certificate.state == "complete"
