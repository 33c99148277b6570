"""Use-case: read all that the live page shows, in parts that are each sent when they have changed.

The six numbers are read at each look. The store is looked at less often, because its figures change seldom
and an S3 bills each listing. A part that cannot be read says why, and the others are shown as they are.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from telemetry.domain.contract.moment import Hour, hour_of
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures.report import Hours, Line, Report
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectNotFoundError
from telemetry.domain.together import Together, one_by_one
from telemetry.domain.watch import fleet
from telemetry.domain.watch.fleet import Fleet
from telemetry.domain.watch.overdue import Store
from telemetry.domain.watch.triggers import Trigger
from telemetry.domain.watch.vitals import TITLES, Reader, Vital
from telemetry.domain.watch.week import Squares, Week

STORE_EVERY_MS: Final = 10_000
"""How long what was read from the store is shown before it is looked at again."""

MOST_NAMES: Final = 500
"""Vehicles that a detail of an hour names at the most, of each kind `MOST_ODD`."""

MOST_ODD: Final = 20

_HOURS_A_DAY: Final = 24
_OF_FLEET: Final = 2  # hours whose figures the fleet is summed up from
_UNREADABLE: Final = (ObjectNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Parts = Mapping[str, bytes]
"""What is shown, by the name of each part, as JSON."""


class Number(msgspec.Struct, frozen=True):
    """One of the six numbers, with what it is called."""

    title: str
    vital: Vital


class Numbers(msgspec.Struct, frozen=True):
    """The six numbers, when they were read, and how many processes of each role were seen."""

    at: str
    roles: Mapping[str, int]
    numbers: Sequence[Number]


class Stored(msgspec.Struct, frozen=True):
    """What the aggregated store says of the week; `fault` is why it says nothing, or nothing new.

    `where` is where the store is, for a person to look at.
    """

    where: str
    hours: Squares | None = None
    fault: str = ""


class Driven(msgspec.Struct, frozen=True):
    """What the aggregated store says of the fleet; `fault` as above."""

    fleet: Fleet | None = None
    fault: str = ""


class Weighed(msgspec.Struct, frozen=True):
    """The triggers: each with its bound, what was measured, and whether it fires."""

    triggers: Sequence[Trigger] = ()


class Weigher(Protocol):
    """Compares what is measured with the bounds beyond which to change the design."""

    async def weigh(self, day: Sequence[Line]) -> Sequence[Trigger]:
        """Return all triggers; `day` is how the hours of the last day stand that are over."""
        ...


class Detail(msgspec.Struct, frozen=True):
    """All that is shown of one hour: its report, cut short, and the first of its vehicles by name."""

    report: Report
    vehicles: Sequence[str]


class _Names(msgspec.Struct, frozen=True):
    vehicles: Mapping[str, msgspec.Raw]


_encode: Final = msgspec.json.Encoder().encode
_names: Final = msgspec.json.Decoder(_Names).decode


class Board:
    """What the page shows of one pipeline."""

    def __init__(
        self,
        storage: Store,
        vitals: Reader,
        weigher: Weigher,
        where: str,
        together: Together = one_by_one,
    ) -> None:
        """Read from a store that is at `where`."""
        self._storage = storage
        self._vitals = vitals
        self._weigher = weigher
        self._week = Week(storage, together)
        self._again_ms: int | None = None
        self._stored = Stored(where)
        self._driven = Driven()
        self._weighed = Weighed()
        self._of_fleet: Sequence[object] = ()

    async def look(self, now_ms: int) -> Parts:
        """Return all parts as they are now."""
        if self._is_due(now_ms):
            await self._look_at_store(now_ms)
        read = await self._vitals.read()
        numbers = [Number(TITLES[each.name], each) for each in read.vitals]
        roles = {str(role): count for role, count in read.roles.items()}
        return {
            "numbers": _encode(Numbers(read.at, roles, numbers)),
            "hours": _encode(self._stored),
            "fleet": _encode(self._driven),
            "triggers": _encode(self._weighed),
        }

    async def detail(self, hour: Hour) -> bytes | None:
        """Return what is known of an hour; None if it has no certified figures.

        Raise StoreUnavailableError.
        """
        report = await Hours(self._storage).report(hour)
        if report is None:
            return None
        report = msgspec.structs.replace(
            report,
            history=report.history[-MOST_ODD:],
            with_gaps=dict(list(report.with_gaps.items())[:MOST_ODD]),
            absent=dict(list(report.absent.items())[:MOST_ODD]),
        )
        try:
            vehicles = list(_names(await self._storage.get(objects.aggregated_key(hour))).vehicles)
        except _UNREADABLE:  # they were replaced or removed meanwhile
            return None
        return _encode(Detail(report, vehicles[:MOST_NAMES]))

    def _is_due(self, now_ms: int) -> bool:
        """Return whether the store has to be looked at, also after the clock has jumped back."""
        return self._again_ms is None or not 0 < self._again_ms - now_ms <= STORE_EVERY_MS

    async def _look_at_store(self, now_ms: int) -> None:
        try:
            squares = await self._week.look(now_ms)
            self._stored = Stored(self._stored.where, squares)
            await self._look_at_fleet()
        except TelemetryError as error:
            self._stored = msgspec.structs.replace(self._stored, fault=str(error))
            self._driven = msgspec.structs.replace(self._driven, fault=str(error))
        now = hour_of(now_ms)
        day = self._week.lines(Hour(now - _HOURS_A_DAY), Hour(now - 1))
        self._weighed = Weighed(await self._weigher.weigh(day))
        # Hours that are left to be read are read at once, as long as somebody looks.
        is_whole = self._stored.fault or not (self._stored.hours and self._stored.hours.unread)
        self._again_ms = now_ms + STORE_EVERY_MS if is_whole else None

    async def _look_at_fleet(self) -> None:
        """Sum up the fleet anew if the newest figures are others than those of the last look."""
        newest = list(self._week.listed.values())[-_OF_FLEET:]
        if newest == self._of_fleet:
            self._driven = msgspec.structs.replace(self._driven, fault="")
            return
        contents = []
        for info in newest:
            try:
                contents.append(await self._storage.get(info.key))
            except ObjectNotFoundError:  # it was removed after it was listed
                continue
        try:
            self._driven = Driven(fleet.of(contents))
        except _UNREADABLE as error:
            self._driven = Driven(self._driven.fleet, f"the newest figures cannot be read: {error}")
        else:
            self._of_fleet = newest
