"""An aggregator that is stepped by hand over a store and a clock that do what a test asks for."""

from contextlib import suppress

from telemetry.adapters.cache.memory import MemoryCache
from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.certify import CertificateTerms, Certifier
from telemetry.domain.figures.evidence import Inquiry
from telemetry.domain.figures.filling import FillingTerms
from telemetry.domain.figures.fold import Fold
from telemetry.domain.figures.hour import Aggregated
from telemetry.domain.figures.watch import Look, Watch
from telemetry.domain.store.storage import ObjectNotFoundError, StoreUnavailableError
from telemetry.domain.transport.queue import Lookout
from tests.builders import NOW
from tests.fakes import FailingStorage

TERMS = CertificateTerms(lateness_ms=600_000)


class SteppedAggregator:
    """A store, a clock, and one aggregator at a time, which certifies hours if it is given a queue."""

    def __init__(
        self,
        storage: FailingStorage | None = None,
        clock: ManualClock | None = None,
        queue: Lookout | None = None,
        filling: FillingTerms | None = None,
    ) -> None:
        self.filling = filling
        self.clock = clock or ManualClock(NOW)
        self.storage = storage or FailingStorage(self.clock)
        self.queue = queue
        self.built: list[Hour] = []
        self.certified: list[Hour] = []
        self.evict()
        self.restart()

    def evict(self) -> None:
        """Lose all that was computed once, from the next aggregator on."""
        self.cache = MemoryCache()

    def restart(self) -> None:
        """Start an aggregator that knows nothing of the one before, as after a kill."""
        self.watch = Watch(self.storage, terms=self.filling)
        certifier = Certifier(self.storage, self.clock, Inquiry(self.storage, self.queue), TERMS)
        self.aggregator = Aggregator(
            self.storage,
            certifier=certifier if self.queue else None,
            builder=Builder(Fold(self.storage, self.cache)),
        )

    async def turn(self) -> Look:
        """Look, settle what is due, and certify what can be."""
        await self.aggregator.look()
        look = await self.watch.look(self.clock.wall_ms())
        for found in look.due:
            try:
                built = await self.aggregator.settle(found)
            except (StoreUnavailableError, ObjectNotFoundError):
                self.watch.failed(found, self.clock.wall_ms())
                continue
            if built:
                self.built.append(found.hour)
            if built and built.unread:
                self.watch.failed(found, self.clock.wall_ms())
            else:
                self.watch.settled(found.hour)
        await self.watch.tidy()
        for hour in self.aggregator.certifiable(look.unmarked, look.silent):
            await self._certify(hour)
        return look

    async def _certify(self, hour: Hour) -> None:
        with suppress(StoreUnavailableError, ObjectNotFoundError):
            built = await self.aggregator.certify(hour)
            if built and built.is_new:
                self.certified.append(hour)

    async def turns(self) -> Look:
        """Take turns until there is nothing more to do at once; return the last look."""
        look = await self.turn()
        while look.has_more:
            look = await self.turn()
        return look

    async def take_built(self) -> list[Hour]:
        """Take turns, and return the hours that were built, in their order of time."""
        self.built = []
        await self.turns()
        return sorted(self.built)

    async def figures(self, hour: int) -> Aggregated | None:
        return await self.aggregator.figures(Hour(hour))
