"""`telemetry compact`: makes few large objects of the many small ones of complete hours.

Without hours it takes all that are complete, and with --watch it goes on. Raw objects are removed
COMPACT_RAW_RETENTION after they were stored, if they were taken up; with --keep-raw they stay. With
--register the table `telemetry.records` has the compacted objects, without a copy; see DATA_DIR/iceberg.
"""

import argparse
import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final, Literal, NamedTuple

import msgspec

from telemetry.coordination.together import Concurrently
from telemetry.domain.contract.moment import Hour, Span, format_hour
from telemetry.domain.errors import TelemetryError
from telemetry.domain.lake import census
from telemetry.domain.lake.compact import Compactor
from telemetry.domain.lake.follow import current
from telemetry.domain.lake.revise import Compacted
from telemetry.domain.lake.tidy import Tidied, Tidier
from telemetry.entrypoints.process import log, runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.extras import MissingExtraError
from telemetry.entrypoints.process.heartbeat import Heartbeat
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, hour
from telemetry.entrypoints.shared import registering

_TURNS_A_CENSUS: Final = 144  # of all hours that were ever compacted: once a day


class CompactOptions(msgspec.Struct, frozen=True):
    """Which hours, and whether to go on and to keep what was taken up."""

    hour: int | None = None
    first: int | None = msgspec.field(default=None, name="from")
    last: int | None = msgspec.field(default=None, name="to")
    watch: bool = False
    keep_raw: bool = False
    register: Literal["iceberg"] | None = None

    @property
    def span(self) -> Span:
        if self.hour is not None:
            return Span(Hour(self.hour), Hour(self.hour))
        first, last = (None if each is None else Hour(each) for each in (self.first, self.last))
        return Span(first, last)

    @property
    def hours(self) -> int:
        """Return of how many hours it is said that they are compacted, once."""
        if self.watch or self.first is None or self.last is None:
            return 0
        return self.last - self.first + 1


class Turn(NamedTuple):
    """What a turn did: how many hours it compacted, and how many of them failed."""

    compacted: int = 0
    failed: int = 0


def main(arguments: Sequence[str] = ()) -> int:
    options = _options(arguments)
    configured = settings.load().of_hours(options.hours)
    logger = log.configure(configured, "Compactor")
    return runtime.run(lambda stopping: _run(Container(settings=configured), logger, options, stopping))


def _options(arguments: Sequence[str]) -> CompactOptions:
    parser = Parser.of("compact", __doc__)
    for name, what in (
        ("--hour", "compact one hour, for example 2025-10-19T14 (UTC)"),
        ("--from", "compact the hours from this one"),
        ("--to", "to this one"),
    ):
        parser.add_argument(name, type=hour, default=argparse.SUPPRESS, metavar="H", help=what)
    parser.add_argument("--watch", action="store_true", help="go on, every COMPACT_INTERVAL")
    parser.add_argument("--keep-raw", action="store_true", help="remove no raw object")
    parser.add_argument(
        "--register",
        choices=["iceberg"],
        default=argparse.SUPPRESS,
        help="add the compacted objects to a table in DATA_DIR/iceberg",
    )
    options = parser.read(arguments).to(CompactOptions)
    if options.first is not None and options.last is not None and options.last < options.first:
        parser.error("argument --to: it is before --from")
    if options.hour is not None and (options.first is not None or options.last is not None):
        parser.error("argument --hour: give it, or --from and --to")
    return options


async def _run(container: Container, logger: Log, options: CompactOptions, stopping: asyncio.Event) -> int:
    async with opened(container.storage, container.engine):
        if not options.watch:
            turns = Turns(container, logger, options)
            turn = await turns.take(census.RECORDS, stopping)
            if not turn.compacted and not turn.failed:
                logger.info(
                    "There was nothing to compact: no complete hour has a new object that its figures have"
                )
            return int(turn.failed > 0 or stopping.is_set())
        with Heartbeat(container.settings().data_dir, "compact") as heartbeat:
            return await watch(Turns(container, logger, options), heartbeat, container, stopping)


async def watch(turns: "Turns", heartbeat: Heartbeat, container: Container, stopping: asyncio.Event) -> int:
    """Take turns until told to stop; once a day also hours whose raw objects are all gone."""
    number = 0
    while not stopping.is_set():
        trees = census.RAW if number % _TURNS_A_CENSUS else census.RECORDS
        await turns.take(trees, stopping)
        heartbeat.beat()
        number += 1
        await runtime.pause(stopping, container.settings().compact_interval)
    return 0


class Turns:
    """Compacts and tidies what is due."""

    def __init__(self, container: Container, logger: Log, options: CompactOptions) -> None:
        self._storage = container.storage()
        self._compactor: Compactor = container.compactor()
        retention = container.settings().retention
        if options.keep_raw:
            retention = msgspec.structs.replace(retention, raw_ms=None)
        self._together = Concurrently(container.settings().compactions_at_once)
        self._one = asyncio.Lock()
        self._tidier: Tidier = container.tidier(retention=retention)
        self._register = registering.make(container.settings()) if options.register else None
        self._logger = logger
        self._span = options.span

    async def take(self, trees: Sequence[str], stopping: asyncio.Event) -> Turn:
        """Take one turn; an hour that fails costs no other."""
        turn = Turn()
        try:
            found = await census.hours(self._storage, trees, self._span)
        except TelemetryError as error:
            self._logger.error("The store could not be listed, trying again", error=str(error))
            return Turn(failed=1)
        for done in await self._together([partial(self._hour, each, stopping) for each in found]):
            if isinstance(done, TelemetryError):
                raise done
            turn = Turn(turn.compacted + done.compacted, turn.failed + done.failed)
        return turn

    async def _hour(self, hour: Hour, stopping: asyncio.Event) -> Turn:
        if stopping.is_set():
            return Turn()
        try:
            made = await self._compactor.compact(hour)
            async with self._one:  # a table takes one transaction at a time
                await self._registered(hour)
                tidied = await self._tidier.tidy(hour)
        except MissingExtraError:
            stopping.set()  # because no other hour can be written either
            raise
        except TelemetryError as error:
            self._logger.error("An hour could not be compacted", hour=format_hour(hour), error=str(error))
            return Turn(failed=1)
        if made:
            self._report(made)
        if tidied != Tidied():
            self._logger.info("Objects removed", hour=format_hour(hour), **msgspec.structs.asdict(tidied))
        return Turn(compacted=int(made is not None and made.manifest is not None))

    async def _registered(self, hour: Hour) -> None:
        found, _ = await current(self._storage, hour) if self._register else (None, ())
        if self._register and found:
            keys = [content.key for content in found.objects]
            if await self._register.register(hour, keys):
                self._logger.info("Objects registered", hour=format_hour(hour), objects=len(keys))

    def _report(self, made: Compacted) -> None:
        for error in made.left:
            self._logger.warning("An object is left as it is", hour=format_hour(made.hour), error=str(error))
        if made.is_lost:
            self._logger.info("Another process compacted an hour first", hour=format_hour(made.hour))
        if made.manifest:
            self._logger.info(
                "Hour compacted",
                hour=format_hour(made.hour),
                revision=made.manifest.revision,
                taken=made.taken,
                objects=len(made.manifest.contents),
                records=made.manifest.records,
                unique=made.manifest.unique,
                read=made.read,
                written=made.written,
            )
