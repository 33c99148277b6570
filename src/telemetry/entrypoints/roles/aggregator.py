"""`telemetry aggregator`: turns the raw store into hourly figures, for given hours or, without, for ever."""

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import cast

import msgspec

from telemetry.adapters.metrics.aggregator import AggregatorMetrics
from telemetry.coordination.ahead import ahead
from telemetry.domain.contract.moment import Hour
from telemetry.entrypoints.process import log, runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.heartbeat import Heartbeat
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, hour
from telemetry.entrypoints.shared import reporting, scraping, telling
from telemetry.entrypoints.shared.scraping import ScrapeOptions
from telemetry.entrypoints.shared.turning import Turns


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
