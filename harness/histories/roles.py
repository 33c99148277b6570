"""The roles of the product as processes of a history: each is made of the real use-cases, over wires."""

import asyncio
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

from harness.histories.laws import LATENESS_MS
from harness.histories.loop import Process
from harness.histories.wire import WireQueue, WireStorage
from telemetry.coordination.carrying import Carrier
from telemetry.coordination.outbox import LingeringOutbox
from telemetry.coordination.together import Concurrently
from telemetry.domain.contract import parse
from telemetry.domain.contract.moment import Hour, Span
from telemetry.domain.contract.record import Answer, Parsed
from telemetry.domain.errors import OutOfReachError, TelemetryError
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.certify import CertificateTerms, Certifier
from telemetry.domain.figures.evidence import Inquiry
from telemetry.domain.figures.fold import Fold
from telemetry.domain.figures.turn import FoldLimits
from telemetry.domain.figures.watch import Watch
from telemetry.domain.lake import census
from telemetry.domain.lake.compact import Compactor
from telemetry.domain.lake.forms import Forms
from telemetry.domain.lake.lines import LinesForm
from telemetry.domain.lake.moves import ManifestMoves
from telemetry.domain.lake.revise import CompactTerms
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.lake.tidy import Retention, Tidier
from telemetry.domain.store import objects, quarantine
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.objects import MAX_BATCH
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.recover import Recovery
from telemetry.domain.store.refile import SkewedTree
from telemetry.domain.together import Together, one_by_one
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.ingest import Ingest
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.entrypoints.process import runtime
from telemetry.entrypoints.shared.turning import Turns

if TYPE_CHECKING:
    from harness.histories.world import World

SHUTDOWN_S: Final = 5.0
"""How long a consumer may take to store what it has gathered when it is told to end."""

_FORMS: Final = Forms(LinesForm())


class Silent:
    """Hears what a role would log, count or beat, and says nothing."""

    def __getattr__(self, verb: str) -> Any:
        return _nothing


class Turning(Silent):
    """Hears what a consumer would log, and notes that the queue has answered it."""

    def __init__(self, role: "Role") -> None:
        self.turned = role.turned


def _nothing(*_: object, **__: object) -> None:
    pass


class Role:
    """One process of a role: what it does until it is stopped."""

    def __init__(self, world: "World", process: Process) -> None:
        self.world = world
        self.process = process
        self.clock = world.clock(process.role)
        self.queue = WireQueue(world, process)
        self.storage = WireStorage(world, process)
        self.stopping = asyncio.Event()
        self.turns = 0
        """How often it has done what it does again and again."""

    def turned(self) -> None:
        """Note a turn."""
        self.turns += 1

    async def run(self) -> None:
        """Work until told to stop."""
        raise NotImplementedError


class ReceiverRole(Role):
    """Takes what is posted."""

    @cached_property
    def _outbox(self) -> LingeringOutbox:
        options = self.world.options
        return LingeringOutbox(self.queue, self.clock, options.lingers_s, options.max_waiting)

    @cached_property
    def _ingest(self) -> Ingest:
        return Ingest(self._outbox, self.world.policy)

    async def run(self) -> None:
        await self.stopping.wait()
        await self._outbox.close()

    async def take(self, body: bytes) -> tuple[Parsed, Answer]:
        """Answer a body. Raise QueueUnavailableError."""
        parsed = parse.parse_lines(body, self.clock.wall_ms())
        return parsed, await self._ingest.accept(parsed)


class ConsumerRole(Role):
    """Carries messages to the store."""

    @property
    def holds(self) -> int:
        """How many messages it has on lease, or had when they were given to another."""
        return self._consumer.in_flight

    @cached_property
    def _consumer(self) -> Consumer:
        options = self.world.options
        return Consumer(
            self.queue,
            self.storage,
            self.clock,
            self.world.policy,
            BatchLimits(options.batch_count, MAX_BATCH, options.batch_age_s),
            LeaseTerms(round(options.visibility_s * 1000), options.max_receives),
            options.raw_format,
        )

    async def run(self) -> None:
        renew_every_s = self.world.options.visibility_s / 4
        carrier = Carrier(self._consumer, cast("Any", Turning(self)), renew_every_s, SHUTDOWN_S)
        await carrier.run(self.stopping)


class AggregatorRole(Role):
    """Keeps hours current."""

    async def run(self) -> None:
        world, options = self.world, self.world.options
        together: Together = Concurrently(options.at_once) if options.at_once else one_by_one
        moves = ManifestMoves(Shelf(self.storage, _FORMS))
        fold = Fold(self.storage, world.cache, together, FoldLimits(options.fold_records), moves)
        terms = CertificateTerms(LATENESS_MS, world.policy)
        certifier = Certifier(self.storage, self.clock, Inquiry(self.storage, self.queue), terms)
        aggregator = Aggregator(self.storage, together, certifier, Builder(fold, together))
        watch = Watch(self.storage, together)
        turns = Turns(watch, aggregator, self.clock, cast("Any", Silent()), cast("Any", Silent()))
        while not self.stopping.is_set():
            look = await turns.take(self.stopping)
            self.turned()
            if not look.has_more:
                await runtime.pause(self.stopping, options.aggregate_s)


class CompactorRole(Role):
    """Compacts hours that are complete, and removes what was taken up."""

    async def run(self) -> None:
        options = self.world.options
        grace_ms, kept_s = round(options.grace_s * 1000), options.raw_kept_s
        shelf = Shelf(self.storage, _FORMS)
        terms = CompactTerms(records=options.compact_records, grace_ms=grace_ms)
        compactor = Compactor(shelf, self.clock, terms=terms)
        retention = Retention(None if kept_s is None else round(kept_s * 1000), grace_ms)
        tidier = Tidier(shelf, self.clock, retention)
        while not self.stopping.is_set():
            with suppress(OutOfReachError):
                for hour in await census.hours(self.storage, census.RECORDS, Span()):
                    await self._compact(hour, compactor, tidier)
            self.turned()
            await runtime.pause(self.stopping, options.compact_s)

    async def _compact(self, hour: Hour, compactor: Compactor, tidier: Tidier) -> None:
        """Compact an hour. If that takes longer than half of the grace, others may remove what it wrote."""
        began_s = self.clock.monotonic_s()
        try:
            await compactor.compact(hour)
            await tidier.tidy(hour)
        except OutOfReachError:
            pass
        except TelemetryError:
            if self.clock.monotonic_s() - began_s <= self.world.options.grace_s / 2:
                raise


class Operator(Role):
    """Somebody who calls a command."""

    async def replay(self) -> None:
        """Send all anew that was set aside."""
        recovery = Recovery(self.queue, self.storage)
        await recovery.replay(list(dict.fromkeys([each.name async for each in recovery.items()])))

    async def refile(self, offset_s: float) -> None:
        """Judge all skewed records again, as if received so much later."""
        tree = SkewedTree(self.storage, self.world.policy, self.world.options.raw_format)
        async for _ in tree.refile(Span(), round(offset_s * 1000), self.clock.wall_ms()):
            pass

    async def set_aside(self) -> None:
        """Put a message into quarantine, as a consumer that is too old to decode it does."""
        for each in await self.queue.receive(1, 0.0):
            if each.body.startswith(b"{"):  # what is replayed counts as sent then, and this may be too late
                await self.queue.extend([each.handle], 0.0)
                continue
            now_ms = self.clock.wall_ms()
            lines = quarantine.encode([QuarantinedBody.of(each, "of a later version", now_ms)])
            await self.storage.put(objects.quarantine_key(now_ms, lines), lines)
            await self.queue.delete([each.handle])
