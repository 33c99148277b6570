"""Use-case: find the hours that somebody waits for, without listing those that are complete."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol

import msgspec

from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_of, hour_path, start_ms
from telemetry.domain.errors import TelemetryError
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError
from telemetry.domain.together import Together

_HOURS: Final = 24
_AROUND: Final = 2  # hours whose figures should follow what is stored: this one and the one before
_GRACE_MS: Final = 300_000
"""After the moment from which an hour may be complete: for what the queue held, and for the aggregator."""


class Store(Protocol):
    """A store that is read."""

    async def get(self, key: str) -> bytes:
        """Read a whole object. Raise ObjectNotFoundError or StoreUnavailableError."""
        ...

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        """List the whole objects whose keys begin with `prefix`. Raise StoreUnavailableError."""
        ...


class Overdue(msgspec.Struct, frozen=True):
    """An hour that waits, and since when. `is_unseen` says that it waits for an aggregator to look at all."""

    hour: Hour
    since_ms: int
    is_unseen: bool


class Deadlines:
    """Remembers which hours of a store are complete. An hour waits for `lateness_ms` after its end."""

    def __init__(self, storage: Store, together: Together, lateness_ms: int) -> None:
        self._storage = storage
        self._together = together
        self._lateness_ms = lateness_ms
        self._complete: set[Hour] = set()

    async def missed(self, now_ms: int, unseen_until_ms: int | None) -> Sequence[Overdue]:
        """Return the hours of the last day that wait, the oldest first. Raise what the store raises.

        What was stored until `unseen_until_ms` has to be in figures; with None, that is not looked at.
        """
        now = hour_of(now_ms)
        hours = [Hour(each) for each in range(now - _HOURS, now + 1)]
        closed = [each for each in hours if self._due_ms(each) < now_ms and each not in self._complete]
        found = await self._each([partial(self._incomplete, hour) for hour in closed])
        if unseen_until_ms is not None:
            named = {each.hour for each in found}
            around = [each for each in hours[-_AROUND:] if each not in named]
            found += await self._each([partial(self._unseen, hour, unseen_until_ms) for hour in around])
        return sorted(found, key=lambda each: each.hour)

    def _due_ms(self, hour: Hour) -> int:
        return start_ms(hour) + HOUR_MS + self._lateness_ms + _GRACE_MS

    async def _each(self, calls: Sequence[Callable[[], Awaitable[Overdue | None]]]) -> list[Overdue]:
        results = await self._together(calls)
        for each in results:
            if isinstance(each, TelemetryError):
                raise each
        return [each for each in results if isinstance(each, Overdue)]

    async def _incomplete(self, hour: Hour) -> Overdue | None:
        """Return an hour whose time is over if it has records and is not complete."""
        try:
            await self._storage.get(objects.complete_key(hour))
        except ObjectNotFoundError:
            has_records = await self._records(hour)
            return Overdue(hour, self._due_ms(hour), is_unseen=False) if has_records else None
        self._complete.add(hour)
        return None

    async def _unseen(self, hour: Hour, until_ms: int) -> Overdue | None:
        """Return an hour if something in it is younger than its figures, and was stored until `until_ms`."""
        folder = objects.aggregated_key(hour).rpartition("/")[0]
        built = [each.stored_ms for each in await self._storage.list(f"{folder}/")]
        younger = [
            each.stored_ms
            for each in await self._records(hour)
            if max(built, default=0) < each.stored_ms <= until_ms
        ]
        return Overdue(hour, min(younger), is_unseen=True) if younger else None

    async def _records(self, hour: Hour) -> Sequence[ObjectInfo]:
        return [
            info for tree in objects.RECORDS for info in await self._storage.list(f"{tree}{hour_path(hour)}/")
        ]
