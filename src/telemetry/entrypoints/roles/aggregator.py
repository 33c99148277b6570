"""`telemetry aggregator`: turns the raw store into hourly figures, for given hours or, without, for ever."""

import argparse
import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from telemetry.domain.contract.moment import epoch_ms
from telemetry.domain.contract.partition import HOUR_MS
from telemetry.domain.figures.aggregate import Aggregate, Built
from telemetry.domain.store.storage import ObjectNotFoundError
from telemetry.entrypoints.process import log, runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.log import Log


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser("telemetry aggregator", description=__doc__)
    parser.add_argument(
        "--hour", type=hour, metavar="H", help="build one hour, for example 2025-10-19T14 (UTC)"
    )
    parser.add_argument("--from", dest="first", type=hour, metavar="H", help="build all hours from this one")
    parser.add_argument("--to", dest="last", type=hour, metavar="H", help="to this one, which is built too")
    chosen = parser.parse_args(arguments)
    if (chosen.first is None) != (chosen.last is None) or (
        chosen.hour is not None and chosen.first is not None
    ):
        parser.error("give --hour, or both --from and --to, or none of them")

    configured = settings.load()
    container = Container(settings=configured)
    logger = log.configure(configured, "Aggregator")
    if chosen.hour is not None:
        chosen.first = chosen.last = chosen.hour
    if chosen.first is not None:
        return runtime.run(lambda _: build(container, logger, range(chosen.first, chosen.last + 1)))
    return runtime.run(lambda stopping: serve(container, logger, stopping))


def hour(text: str) -> int:
    """Read an hour of UTC, `2025-10-19T14`, as hours since 1970-01-01T00."""
    try:
        return epoch_ms(datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)) // HOUR_MS
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no hour like 2025-10-19T14") from None


async def build(container: Container, logger: Log, hours: Iterable[int]) -> int:
    """Build hours once; the exit status tells whether there was anything to build."""
    aggregate = container.aggregate()
    found = 0
    for each in hours:
        if built := await aggregate(each):
            found += 1
            _report(logger, built)
    if not found:
        logger.error("There is nothing stored for that time", storage=container.settings().storage_backend)
    return 0 if found else 1


async def serve(container: Container, logger: Log, stopping: asyncio.Event) -> int:
    """Build hours whenever their objects have changed, until told to stop."""
    configured = container.settings()
    aggregate = container.aggregate()
    logger.info("Started", storage=configured.storage_backend)
    while not stopping.is_set():
        now = container.clock().wall()
        # Only hours whose records' clocks can still be believed can change.
        first, last = now - configured.policy.past_ms, now + configured.policy.future_ms
        for each in await _stale(aggregate, logger, first // HOUR_MS, last // HOUR_MS):
            await _refresh(aggregate, logger, each)
            if stopping.is_set():
                break
        await runtime.pause(stopping, configured.aggregate_interval)
    return 0


async def _stale(aggregate: Aggregate, logger: Log, first: int, last: int) -> Sequence[int]:
    try:
        return await aggregate.stale(first, last)
    except OSError as error:
        logger.error("The store could not be listed, trying again", error=str(error))
        return ()


async def _refresh(aggregate: Aggregate, logger: Log, each: int) -> None:
    try:
        if built := await aggregate.refresh(each):
            _report(logger, built)
    except (OSError, ValueError, ObjectNotFoundError) as error:
        logger.error("An hour could not be built, trying again", hour=each, error=str(error))


def _report(logger: Log, built: Built) -> None:
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
