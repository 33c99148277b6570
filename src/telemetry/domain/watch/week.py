"""The hours of the last week, each as a square: its state, its revision, and what is missing in it.

Squares are read from the certificates of the stored figures. A look lists the days, and reads those figures
only whose object is another one than at the look before. It stops once it has read `MOST_BYTES`, the newest
hours first, and goes on at the next look. So neither the first look nor a look at large figures takes long.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, Literal

import msgspec

from telemetry.domain.contract.moment import Hour, format_hour, hour_of, hour_path
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures.certificate import State
from telemetry.domain.figures.report import Hours, Line
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo
from telemetry.domain.together import Together, one_by_one
from telemetry.domain.watch.overdue import Store

DAYS: Final = 8
"""Days of a week's squares: today, and the seven before it."""

MOST_BYTES: Final = 50_000_000
"""Bytes of figures that a look reads before it leaves the rest to the next one."""

_HOURS_A_DAY: Final = 24


class Square(msgspec.Struct, frozen=True, array_like=True):
    """How one hour stands. `uncertified` are figures that bear no certificate, or that cannot be read."""

    hour: str
    state: State | Literal["uncertified"]
    revision: int = 0
    unique: int = 0
    vehicles: int = 0
    gaps: int = 0
    missing_share: float = 0.0
    late: int = 0


class Squares(msgspec.Struct, frozen=True):
    """The hours of the week that have figures, the earliest first.

    `first` is the first day and `days` how many there are. `unread` counts hours that a next look will read.
    """

    first: str
    days: int
    squares: Sequence[Square]
    unread: int


class Week:
    """The squares of one store, kept from look to look."""

    def __init__(self, storage: Store, together: Together = one_by_one, most_bytes: int = MOST_BYTES) -> None:
        self._storage = storage
        self._hours = Hours(storage)
        self._together = together
        self._most_bytes = most_bytes
        self._read: dict[Hour, tuple[ObjectInfo, Line | None]] = {}
        self.listed: Mapping[Hour, ObjectInfo] = {}
        """The figures that the last look found, by their hours, the earliest first."""

    async def look(self, now_ms: int) -> Squares:
        """List the week, and read what has changed. Raise the TelemetryError that the store gave."""
        first = Hour((hour_of(now_ms) // _HOURS_A_DAY - DAYS + 1) * _HOURS_A_DAY)
        self.listed = await self._list(first)
        self._read = {hour: read for hour, read in self._read.items() if hour in self.listed}
        changed = [hour for hour, info in self.listed.items() if not self._is_read(hour, info)]
        chosen = self._chosen(changed)
        lines = await self._together([partial(self._hours.line, hour) for hour in chosen])
        for hour, line in zip(chosen, lines, strict=True):
            if isinstance(line, TelemetryError):
                raise line
            self._read[hour] = self.listed[hour], line
        squares = [_square(hour, self._read[hour][1]) for hour in sorted(self._read)]
        return Squares(format_hour(first)[: len("2025-10-19")], DAYS, squares, len(changed) - len(chosen))

    def lines(self, first: Hour, last: Hour) -> Sequence[Line]:
        """Return how the hours from `first` to `last` stand by what was read of them, the earliest first."""
        read = [self._read[hour][1] for hour in sorted(self._read) if first <= hour <= last]
        return [line for line in read if line]

    async def _list(self, first: Hour) -> Mapping[Hour, ObjectInfo]:
        hours = [Hour(first + each) for each in range(DAYS * _HOURS_A_DAY)]
        by_key = {objects.aggregated_key(hour): hour for hour in hours}
        days = [hour_path(hour).rpartition("/")[0] for hour in hours[::_HOURS_A_DAY]]
        listed = await self._together([partial(self._storage.list, f"aggregated/{day}/") for day in days])
        found: dict[Hour, ObjectInfo] = {}
        for infos in listed:
            if isinstance(infos, TelemetryError):
                raise infos
            found |= {by_key[info.key]: info for info in infos if info.key in by_key}
        return dict(sorted(found.items()))

    def _is_read(self, hour: Hour, info: ObjectInfo) -> bool:
        return hour in self._read and self._read[hour][0] == info

    def _chosen(self, changed: Sequence[Hour]) -> Sequence[Hour]:
        """Choose the newest hours whose figures are not too large together, at least one."""
        size = 0
        chosen: list[Hour] = []
        for hour in reversed(changed):
            size += self.listed[hour].size
            if chosen and size > self._most_bytes:
                break
            chosen.append(hour)
        return chosen


def _square(hour: Hour, line: Line | None) -> Square:
    if line is None:
        return Square(format_hour(hour), "uncertified")
    return Square(
        format_hour(hour),
        line.state,
        line.revision,
        line.unique,
        line.vehicles,
        line.gaps,
        line.missing_share,
        line.late,
    )
