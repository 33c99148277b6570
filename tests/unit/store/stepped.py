"""A consumer that is stepped by hand, over a queue, a store and a clock that do what a test asks for."""

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.flush import StoredBatch
from telemetry.domain.store.objects import MAX_BATCH, RawFormat
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import LeaseTerms
from tests.builders import NOW, POLICY
from tests.fakes import FailingQueue, FailingStorage

LIMITS = BatchLimits(count=100, size=MAX_BATCH, age_s=2.0)
AT_ONCE = BatchLimits(count=1, size=MAX_BATCH, age_s=2.0)
TERMS = LeaseTerms(visibility_ms=30_000, max_receives=5)


class SteppedConsumer:
    """A queue, a store, a clock, and one consumer at a time."""

    def __init__(
        self,
        limits: BatchLimits = LIMITS,
        terms: LeaseTerms = TERMS,
        policy: PartitionPolicy = POLICY,
        raw_format: RawFormat = "jsonl",
    ) -> None:
        self.clock = ManualClock(NOW)
        self.queue = FailingQueue(self.clock, terms)
        self.storage = FailingStorage(self.clock)
        self.settings = (policy, limits, terms, raw_format)
        self.restart()

    def restart(self) -> None:
        """Start a consumer that knows nothing of the one before, as after a kill."""
        self.consumer = Consumer(self.queue, self.storage, self.clock, *self.settings)

    async def turn(self) -> StoredBatch | None:
        return await self.consumer.turn(0.0)

    async def due_turn(self) -> StoredBatch:
        stored = await self.turn()
        assert stored
        return stored

    async def send(self, *bodies: bytes) -> None:
        assert not await self.queue.send(bodies)

    async def keys(self, prefix: str = "") -> list[str]:
        return [info.key for info in await self.storage.list(prefix)]

    async def depth(self) -> tuple[int, int, int]:
        depth = await self.queue.depth()
        return depth.ready, depth.leased, depth.dead
