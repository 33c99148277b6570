"""Use-case: find the hours whose figures are not current, however old they are, at a cost that does not grow.

A look lists the hours around now, and the notes that consumers left of others (`store.notes`). An hour that
was noted waits until it was found current or was settled in a listing that is younger than its note, and only
then the note is deleted. At the start and once a day everything is compared, a few days at a look
(`survey`). What cannot be listed or built waits too, and is tried again with growing pauses. An hour that
lasts is built as often as is worth it (`filling`).
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec

from telemetry.domain.backoff import Backoff
from telemetry.domain.contract.moment import HOUR_MS, Hour, format_hour
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures.filling import Filling, FillingTerms
from telemetry.domain.figures.find import Finder, Found
from telemetry.domain.figures.survey import Survey
from telemetry.domain.store import notes
from telemetry.domain.store.notes import NOTES
from telemetry.domain.store.storage import Storage
from telemetry.domain.together import Together, one_by_one

_DAY_MS: Final = 24 * HOUR_MS
_AGAIN_MS: Final = 600_000  # after which folders that could not be listed are tried again
_WAITING_A_LOOK: Final = 8  # hours that are listed beside those around now
_FIRST_PAUSE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 600.0


class Look(msgspec.Struct, frozen=True):
    """What a look found: the hours to settle, those around now first, and what could not be listed, by name.

    `is_away` says that nothing could be listed, `has_more` that another look has work to do at once.
    `unmarked` are hours that have figures and are not marked as complete, `silent` those of which
    nothing is there, near now or after hours that were compared.
    """

    due: Sequence[Found]
    failed: Mapping[str, TelemetryError]
    is_away: bool
    has_more: bool
    unmarked: Sequence[Hour] = ()
    silent: frozenset[Hour] = frozenset()


class _Waiting:
    """An hour that has to be looked at, from a moment on."""

    def __init__(self, from_ms: int) -> None:
        self.from_ms = from_ms
        self.seen: str | None = None  # the digest of the listing for which it waits
        self._backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)

    def is_due(self, now_ms: int) -> bool:
        """Return whether the moment has come, or is so far away that the clock must have jumped."""
        return not now_ms < self.from_ms <= now_ms + _LONGEST_PAUSE_S * 1000

    def postpone(self, now_ms: int, seen: str | None) -> None:
        self.from_ms = now_ms + round(self._backoff.pause_s() * 1000)
        self.seen = seen


class Watch:
    """Remembers what an aggregator has yet to look at."""

    def __init__(
        self, storage: Storage, together: Together = one_by_one, terms: FillingTerms | None = None
    ) -> None:
        self._storage = storage
        self._together = together
        self._filling = Filling(terms)
        self._finder = Finder(storage, together)
        self._survey = Survey(storage, self._finder, together)
        self._next_survey_ms: int | None = None
        self._looked_ms: int | None = None
        self._notes: dict[str, set[Hour]] = {}
        self._waiting: dict[Hour, _Waiting] = {}

    async def look(self, now_ms: int) -> Look:
        """Look once. What is due has to be reported as settled or as failed before the next look."""
        failed = await self._read_notes(now_ms)
        around = self._around(now_ms)
        found = await self._finder.hours([*around, *self._chosen(now_ms)])
        due: list[Found] = []
        for hour, each in found.items():
            if isinstance(each, TelemetryError):
                failed[format_hour(hour)] = each
                self._wait(hour, now_ms).postpone(now_ms, None)
            elif self._is_due(each, now_ms):
                due.append(each)
        if len(failed) > len(found):
            return Look(due, failed, is_away=True, has_more=False)
        self._looked_ms = now_ms
        failed |= await self._compare(now_ms)
        due.sort(key=lambda each: each.hour not in around)
        listed = [each for each in found.values() if isinstance(each, Found)]
        return Look(
            due,
            failed,
            is_away=False,
            has_more=self._has_more(now_ms, found),
            unmarked=[*(each.hour for each in listed if each.is_unmarked), *self._survey.unmarked],
            silent=frozenset(each.hour for each in listed if each.is_silent) | self._survey.silent,
        )

    def settled(self, hour: Hour) -> None:
        """Take note that the figures of an hour are durable and know what was found of it."""
        self._waiting.pop(hour, None)
        for hours in self._notes.values():
            hours.discard(hour)

    def failed(self, found: Found, now_ms: int) -> None:
        """Take note that an hour was not built whole; it is due again later, or once its objects change."""
        self._filling.forget(found.hour)
        self._wait(found.hour, now_ms).postpone(now_ms, found.listing.digest)

    async def tidy(self) -> None:
        """Delete the notes whose hours are all settled; one that cannot be deleted now is deleted later."""
        done = [key for key, hours in self._notes.items() if not hours]
        await self._together([partial(self._storage.delete, key) for key in done])

    async def _read_notes(self, now_ms: int) -> dict[str, TelemetryError]:
        (listed,) = await self._together([partial(self._storage.list, NOTES)])
        if isinstance(listed, TelemetryError):
            return {NOTES: listed}
        known, self._notes = self._notes, {}
        for info in listed:
            with suppress(ValueError):  # what others put there
                hours = known.get(info.key)
                self._notes[info.key] = set(notes.hours_of(info.key)) if hours is None else hours
                for hour in self._notes[info.key]:
                    self._wait(hour, now_ms)
        return {}

    def _around(self, now_ms: int) -> range:
        """Return the hours that are listed whatever happens, since the last look if there was one today."""
        last_ms = now_ms if self._looked_ms is None else self._looked_ms
        if abs(now_ms - last_ms) > _DAY_MS:
            self._next_survey_ms, last_ms = None, now_ms
        return notes.watched(min(last_ms, now_ms), now_ms)

    def _chosen(self, now_ms: int) -> Sequence[Hour]:
        """Choose from the hours that wait, those first that wait longest."""
        due = [hour for hour, waiting in self._waiting.items() if waiting.is_due(now_ms)]
        return sorted(due, key=lambda hour: self._waiting[hour].from_ms)[:_WAITING_A_LOOK]

    def _is_due(self, found: Found, now_ms: int) -> bool:
        is_due = self._filling.is_due(found, now_ms)
        if found.is_current:
            self.settled(found.hour)
        if not is_due:
            return False
        waiting = self._wait(found.hour, now_ms)
        return waiting.is_due(now_ms) or waiting.seen != found.listing.digest

    async def _compare(self, now_ms: int) -> Mapping[str, TelemetryError]:
        """Go on with the comparison of everything, or begin a new one if it is time."""
        failed: dict[str, TelemetryError] = {}
        if self._survey.is_done and self._is_time(now_ms):
            failed |= await self._survey.begin()
            self._next_survey_ms = now_ms + (_AGAIN_MS if failed else _DAY_MS)
        for hour, error in (await self._survey.step()).items():
            waiting = self._wait(hour, now_ms)
            if error:
                failed[format_hour(hour)] = error
                waiting.postpone(now_ms, None)
        return failed

    def _is_time(self, now_ms: int) -> bool:
        next_ms = self._next_survey_ms
        return next_ms is None or not now_ms < next_ms <= now_ms + _DAY_MS

    def _wait(self, hour: Hour, now_ms: int) -> _Waiting:
        return self._waiting.setdefault(hour, _Waiting(now_ms))

    def _has_more(self, now_ms: int, found: Collection[Hour]) -> bool:
        left = (waiting for hour, waiting in self._waiting.items() if hour not in found)
        return not self._survey.is_done or any(waiting.is_due(now_ms) for waiting in left)
