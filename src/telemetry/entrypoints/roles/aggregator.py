"""`telemetry aggregator`: turns the raw store into hourly figures, for given hours or, without, for ever."""

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final, cast

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
from telemetry.entrypoints.process import log, runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.heartbeat import Heartbeat
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, hour
from telemetry.entrypoints.shared import reporting, scraping, telling
from telemetry.entrypoints.shared.reporting import Troubles
from telemetry.entrypoints.shared.scraping import ScrapeOptions

_CERTIFIED_A_TURN: Final = 8  # hours, so that those that change do not wait for them


class HourOptions(msgspec.Struct, frozen=True):
    """Which hours to build: one, all of a span, or, without any, those that change."""

    hour: int | None = None
    first: int | None = msgspec.field(default=None, name="from")
    last: int | None = msgspec.field(default=None, name="to")
    force: bool = False

    @property
    def hours(self) -> Sequence[Hour]:
        if self.hour is not None:
            return [Hour(self.hour)]
        if self.first is None or self.last is None:
            return []
        return cast("Sequence[Hour]", range(self.first, self.last + 1))  # which may be many


def main(arguments: Sequence[str] = ()) -> int:
    options, scrape = _options(arguments)
    configured = settings.load().of_hours(len(options.hours))
    scraping.check(scrape)
    container = Container(settings=configured)
    logger = log.configure(configured, "Aggregator")
    if options == HourOptions():
        return runtime.run(lambda stopping: _serve(container, logger, scrape, stopping))
    return runtime.run(lambda stopping: _build(container, logger, options, stopping))


def _options(arguments: Sequence[str]) -> tuple[HourOptions, ScrapeOptions]:
    parser = Parser.of("aggregator", __doc__)
    for name, what in (
        ("--hour", "build one hour, for example 2025-10-19T14 (UTC)"),
        ("--from", "build all hours from this one"),
        ("--to", "to this one, which is built too"),
    ):
        parser.add_argument(name, type=hour, default=argparse.SUPPRESS, metavar="H", help=what)
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace figures even if they were built from more than is there now",
    )
    scraping.add_options(parser)
    given = parser.read(arguments)
    options, scrape = given.to(HourOptions), given.to(ScrapeOptions)
    if options.first is not None and options.last is not None and options.last < options.first:
        parser.error("argument --to: it is before --from")
    if options.force and not options.hours:
        parser.error("argument --force: say which hours, by --hour or by --from and --to")
    is_span = options.first is not None
    if is_span != (options.last is not None) or (is_span and options.hour is not None):
        parser.error("give --hour, or both --from and --to, or none of them")
    if options.hours and scrape.metrics_port:
        parser.error("argument --metrics-port: only an aggregator that runs on serves metrics")
    return options, scrape


async def _build(container: Container, logger: Log, options: HourOptions, stopping: asyncio.Event) -> int:
    """Build hours once; the exit status says whether there was anything to build, and all of it was whole."""
    found = faults = 0
    async with opened(container.storage, container.lookout, container.engine):
        aggregator = container.aggregator()
        await aggregator.look()

        async def build(each: Hour) -> None:
            nonlocal found, faults
            if built := await aggregator.build(each, force=options.force):
                reporting.damaged(logger, built.damage)
                reporting.figures(logger, built)
                found += 1
                faults += len(built.damage) + (built.kept is not None)

        async def build_all() -> None:
            at_once = min(container.settings().folds_at_once, len(options.hours))
            async with aclosing(ahead(options.hours, aggregator.prepare, at_once)) as hours:
                async for each in hours:
                    await build(each)

        await runtime.unless(stopping, build_all())
        if stopping.is_set():
            return 1
    if not found:
        logger.error("There is nothing stored for that time", storage=container.settings().storage_backend)
    return int(not found or faults > 0)


async def _serve(container: Container, logger: Log, options: ScrapeOptions, stopping: asyncio.Event) -> int:
    async with opened(container.storage, container.lookout, container.engine):
        data_dir = container.settings().data_dir
        metrics = AggregatorMetrics(scraping.VERSION, data_dir)
        scraping.serve(metrics, options)
        with Heartbeat(data_dir, "aggregator") as heartbeat:
            async with telling.telling("aggregator", data_dir, metrics.tallies, container.clock()):
                return await serve(container, logger, stopping, heartbeat, metrics)


async def serve(
    container: Container,
    logger: Log,
    stopping: asyncio.Event,
    heartbeat: Heartbeat,
    metrics: AggregatorMetrics,
) -> int:
    """Build hours whenever their objects have changed, until told to stop."""
    configured = container.settings()
    turns = Turns(
        container.watch(),
        container.aggregator(),
        container.clock(),
        logger,
        metrics,
        configured.folds_at_once,
    )
    logger.info("Started", storage=configured.storage_backend)
    while not stopping.is_set():
        look = await turns.take(stopping)
        if stale := next(filter(runtime.is_stale, look.failed.values()), None):
            logger.error(runtime.STALE, error=str(stale))
            return 1
        if not look.is_away:
            heartbeat.beat()
        if not look.has_more:
            await runtime.pause(stopping, configured.aggregate_interval)
    return 0


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
