"""Reads what the live page shows in a process aside, which is there only while somebody looks.

It has a store, and whatever the six numbers are read from, of its own. So the receiver's own process only
passes on what comes from there, and figures of any size cost the senders nothing but a share of the machine,
after all others: the process is a nice one.
"""

import os
from collections.abc import Sequence
from functools import cache, partial
from typing import Final, NamedTuple

import msgspec

from telemetry.coordination.aside import Aside
from telemetry.coordination.sharing import Shared
from telemetry.domain.clock import Clock
from telemetry.domain.contract.moment import Hour
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.figures.report import Line
from telemetry.domain.watch import triggers
from telemetry.domain.watch.board import Board, Parts
from telemetry.domain.watch.course import Courses
from telemetry.domain.watch.triggers import Trigger
from telemetry.entrypoints.process import children
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import weighing
from telemetry.entrypoints.shared.watching import Watching

YOUNG_S: Final = 1.5
"""For how long what was read is shown to whoever asks; events are sent a little less often."""

KEPT_S: Final = 10.0
"""For how long hours and courses are kept, which seldom change."""

_NICE: Final = 10


class Reading:
    """What the viewers of one receiver process are shown."""

    def __init__(self, configured: Settings, clock: Clock) -> None:
        self._configured = configured
        self._aside = Aside(_begin)
        self._parts = Shared[Parts](clock, YOUNG_S)
        self._details = Shared[bytes | None](clock, KEPT_S)
        self._courses = Shared[bytes](clock, KEPT_S)
        self._last: Parts = {}

    async def look(self) -> Parts:
        """Return all parts; if they cannot be read, those that were read before, and why."""
        return await self._parts.get(None, self._look)

    async def detail(self, hour: Hour) -> bytes | None:
        """Return what is known of an hour; None if it has no certified figures. Raise OutOfReachError."""
        job = partial(_detail, self._configured, hour)
        return await self._details.get(hour, partial(self._aside, job))

    async def course(self, vehicle_id: str, hour: Hour) -> bytes:
        """Return the course of one vehicle's signals over an hour. Raise OutOfReachError."""
        job = partial(_course, self._configured, vehicle_id, hour)
        return await self._courses.get((vehicle_id, hour), partial(self._aside, job))

    async def close(self) -> None:
        await self._aside.close()

    async def _look(self) -> Parts:
        fault = ""
        try:
            self._last = await self._aside(partial(_look, self._configured))
        except OutOfReachError as error:
            fault = str(error)
        return {**self._last, "reader": msgspec.json.encode({"fault": fault})}


class _Weigher:
    """Weighs what the roles tell and what the hours of a day have."""

    def __init__(self, watching: Watching, configured: Settings, clock: Clock) -> None:
        self._watching = watching
        self._configured = configured
        self._clock = clock

    async def weigh(self, day: Sequence[Line]) -> Sequence[Trigger]:
        reading = await self._watching.measure()
        measured = weighing.measure(self._configured, reading, day, self._clock.wall_ms())
        return list(triggers.check(measured))


class _Readers(NamedTuple):
    """What the process aside keeps."""

    clock: Clock
    board: Board
    courses: Courses


def _begin() -> None:
    children.begin()
    os.nice(_NICE)


async def _look(configured: Settings) -> Parts:
    readers = _made(configured)
    return await readers.board.look(readers.clock.wall_ms())


async def _detail(configured: Settings, hour: Hour) -> bytes | None:
    return await _made(configured).board.detail(hour)


async def _course(configured: Settings, vehicle_id: str, hour: Hour) -> bytes:
    return msgspec.json.encode(await _made(configured).courses.read(vehicle_id, hour))


@cache
def _made(configured: Settings) -> _Readers:
    container = Container(settings=configured)
    storage, together, clock = container.archive_reader(), container.together(), container.clock()
    watching = Watching(container)
    weigher = _Weigher(watching, configured, clock)
    board = Board(storage, watching, weigher, _where(configured), together)
    return _Readers(clock, board, Courses(storage, configured.partition_policy, together))


def _where(configured: Settings) -> str:
    """Return where the aggregated store is, as a person looks for it."""
    if configured.storage_backend == "s3":
        prefix = configured.s3_prefix.strip("/")
        return "/".join(filter(None, ("s3:/", configured.s3_bucket, prefix, "aggregated")))
    if configured.storage_backend == "memory":
        return "the memory of the receiver (STORAGE_BACKEND=memory)"
    return str(configured.data_dir / "aggregated")
