"""`telemetry aggregator`: turns the raw store into hourly figures, for given hours or, without, for ever."""

import argparse
import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import cast

import msgspec

from telemetry.domain.contract.moment import Hour, epoch_ms, hour_of
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.hour import Built
from telemetry.domain.store.storage import ObjectNotFoundError
from telemetry.entrypoints.process import log, runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.heartbeat import Heartbeat
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser


class HourOptions(msgspec.Struct, frozen=True):
    """Which hours to build: one, all of a span, or, without any, those that change."""

    hour: int | None = None
    first: int | None = msgspec.field(default=None, name="from")
    last: int | None = msgspec.field(default=None, name="to")

    @property
    def hours(self) -> Sequence[Hour]:
        if self.hour is not None:
            return [Hour(self.hour)]
        if self.first is None or self.last is None:
            return []
        return cast("Sequence[Hour]", range(self.first, self.last + 1))  # which may be many


def main(arguments: Sequence[str] = ()) -> int:
    options = _options(arguments)
    configured = settings.load()
    container = Container(settings=configured)
    logger = log.configure(configured, "Aggregator")
    if options == HourOptions():
        return runtime.run(lambda stopping: _serve(container, logger, stopping))
    return runtime.run(lambda _: _build(container, logger, options.hours))


def _options(arguments: Sequence[str]) -> HourOptions:
    parser = Parser.of("aggregator", __doc__)
    for name, what in (
        ("--hour", "build one hour, for example 2025-10-19T14 (UTC)"),
        ("--from", "build all hours from this one"),
        ("--to", "to this one, which is built too"),
    ):
        parser.add_argument(name, type=hour, default=argparse.SUPPRESS, metavar="H", help=what)
    options = parser.read(arguments).to(HourOptions)
    if options.first is not None and options.last is not None and options.last < options.first:
        parser.error("argument --to: it is before --from")
    is_span = options.first is not None
    if is_span != (options.last is not None) or (is_span and options.hour is not None):
        parser.error("give --hour, or both --from and --to, or none of them")
    return options


def hour(text: str) -> Hour:
    """Read an hour of UTC: `2025-10-19T14`."""
    try:
        return hour_of(epoch_ms(datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no hour like 2025-10-19T14") from None


async def _build(container: Container, logger: Log, hours: Iterable[Hour]) -> int:
    """Build hours once; the exit status says whether there was anything to build, and all of it was whole."""
    async with opened(container.storage):
        aggregator, found, damaged = container.aggregator(), 0, 0
        for each in hours:
            if built := await aggregator.build(each):
                _report(logger, built)
                found += 1
                damaged += len(built.damage)
    if not found:
        logger.error("There is nothing stored for that time", storage=container.settings().storage_backend)
    return int(not found or damaged > 0)


async def _serve(container: Container, logger: Log, stopping: asyncio.Event) -> int:
    async with opened(container.storage):
        with Heartbeat(container.settings().data_dir, "aggregator") as heartbeat:
            return await serve(container, logger, stopping, heartbeat)


async def serve(container: Container, logger: Log, stopping: asyncio.Event, heartbeat: Heartbeat) -> int:
    """Build hours whenever their objects have changed, until told to stop."""
    configured, clock, aggregator = container.settings(), container.clock(), container.aggregator()
    policy = configured.partition_policy
    logger.info("Started", storage=configured.storage_backend)
    while not stopping.is_set():
        now_ms = clock.wall_ms()
        # Only hours whose records' clocks can still be believed can change.
        believed = range(hour_of(now_ms - policy.past_ms), hour_of(now_ms + policy.future_ms) + 1)
        if await _refresh_all(aggregator, logger, map(Hour, believed), stopping):
            heartbeat.beat()
        await runtime.pause(stopping, configured.aggregate_interval)
    return 0


async def _refresh_all(
    aggregator: Aggregator, logger: Log, hours: Iterable[Hour], stopping: asyncio.Event
) -> bool:
    """Build those of these hours that are stale; return whether the store could be listed."""
    try:
        stale = await aggregator.stale(hours)
    except OutOfReachError as error:
        logger.error("The store could not be listed, trying again", error=str(error))
        return False
    for each in stale:
        await _refresh(aggregator, logger, each)
        if stopping.is_set():
            break
    return True


async def _refresh(aggregator: Aggregator, logger: Log, each: Hour) -> None:
    try:
        if built := await aggregator.refresh(each):
            _report(logger, built)
    except (OutOfReachError, ObjectNotFoundError) as error:
        logger.error("An hour could not be built, trying again", hour=each, error=str(error))


def _report(logger: Log, built: Built) -> None:
    """Log what is damaged in an hour, and then the canonical line of its figures."""
    for error in built.damage:
        logger.error("An object is damaged, the rest of its hour is built", key=error.key, error=error.why)
    figures = built.aggregated
    logger.info(
        "Hour aggregated",
        hour=figures.hour,
        vehicles=len(figures.vehicles),
        records=figures.records,
        unique=figures.unique,
        duplicates=figures.duplicates,
        refused=figures.refused,
        skewed=figures.skewed,
        objects=figures.objects,
        key=built.key,
    )
