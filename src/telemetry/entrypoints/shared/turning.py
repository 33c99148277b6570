"""The turns of an aggregator: look, bring up to date what is due, certify, and say what happened."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from telemetry.adapters.metrics.aggregator import AggregatorMetrics
from telemetry.coordination.ahead import ahead
from telemetry.domain.clock import Clock
from telemetry.domain.contract.moment import Hour
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.find import Found
from telemetry.domain.figures.hour import Built
from telemetry.domain.figures.watch import Look, Watch
from telemetry.entrypoints.process import runtime
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.shared import reporting
from telemetry.entrypoints.shared.reporting import Troubles

_CERTIFIED_A_TURN: Final = 8  # hours, so that those that change do not wait for them


class Turns:
    """Looks, and brings the hours up to date that are due."""

    def __init__(  # noqa: PLR0913, PLR0917  # what looks, builds and tells
        self,
        watch: Watch,
        aggregator: Aggregator,
        clock: Clock,
        logger: Log,
        metrics: AggregatorMetrics,
        at_once: int = 1,
    ) -> None:
        """Prepare so many hours at the same time, if several are due."""
        self._at_once = at_once
        self._kept: list[Built] = []
        self._turn = 0
        self._uncertified: dict[Hour, int] = {}  # by the last turn in which they could not be
        self._watch = watch
        self._aggregator = aggregator
        self._clock = clock
        self._troubles = Troubles(logger, clock)
        self._logger = logger
        self._metrics = metrics

    async def take(self, stopping: asyncio.Event) -> Look:
        """Take one turn; a hour that fails costs no other."""
        await self._aggregator.look()
        look = await self._watch.look(self._clock.wall_ms())
        self._troubles.of_listings(look)
        if look.is_away:
            self._metrics.failed("look")
        else:
            self._metrics.looked(self._clock.wall_ms())
        await runtime.unless(stopping, self._settle_all(look.due))
        if not look.has_more:
            reporting.kept(self._logger, self._kept)
            self._kept = []
        await self._watch.tidy()
        certifiable = self._aggregator.certifiable(look.unmarked, look.silent)
        has_more = await self._certify_some(certifiable, stopping) or look.has_more
        return msgspec.structs.replace(look, has_more=has_more)

    async def _settle_all(self, due: Sequence[Found]) -> None:
        async with aclosing(ahead(due, self._prepare, min(self._at_once, len(due)))) as prepared:
            async for found in prepared:
                await self._settle(found)

    async def _prepare(self, found: Found) -> None:
        await self._aggregator.prepare(found.hour)

    async def _certify_some(self, certifiable: Sequence[Hour], stopping: asyncio.Event) -> bool:
        """Certify as many hours as a turn may, those last that failed last.

        Return whether there are more, and none failed: else they have to wait for a pause.
        """
        chosen = sorted(certifiable, key=lambda hour: self._uncertified.get(hour, 0))[:_CERTIFIED_A_TURN]
        self._turn += 1
        for each in chosen:
            if not stopping.is_set():
                await runtime.unless(stopping, self._certify(each))
        return len(certifiable) > len(chosen) and self._uncertified.keys().isdisjoint(chosen)

    async def _certify(self, hour: Hour) -> None:
        try:
            built = await self._aggregator.certify(hour)
        except TelemetryError as error:
            self._failed(hour, error)
            self._uncertified[hour] = self._turn
            return
        self._uncertified.pop(hour, None)
        self._troubles.of_hour(hour, None)
        if built and built.is_new:
            self._metrics.certified(built)
            reporting.certificate(self._logger, built)

    def _failed(self, hour: Hour, error: TelemetryError) -> None:
        self._metrics.failed("build")
        self._troubles.of_hour(hour, error)

    async def _settle(self, found: Found) -> None:
        started_s = self._clock.monotonic_s()
        try:
            built = await self._aggregator.settle(found)
        except TelemetryError as error:
            self._failed(found.hour, error)
            self._watch.failed(found, self._clock.wall_ms())
            return
        self._troubles.of_hour(found.hour, None)
        if built:
            self._troubles.of_objects(built)
        if built and built.is_new:
            self._metrics.built(built, self._clock.monotonic_s() - started_s)
            if built.kept:
                self._kept.append(built)
            else:
                reporting.figures(self._logger, built)
        if built and built.unread:
            self._watch.failed(found, self._clock.wall_ms())
        else:
            self._watch.settled(found.hour)
