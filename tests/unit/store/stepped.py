"""A consumer that is stepped by hand, over a queue, a store and a clock that do what a test asks for."""

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.flush import Flush, StoredBatch
from telemetry.domain.store.objects import MAX_BATCH, RawFormat
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import LeaseTerms
from tests.builders import NOW, POLICY
from tests.fakes import FailingQueue, FailingStorage

LIMITS = BatchLimits(count=100, size=MAX_BATCH, age_s=2.0)
AT_ONCE = BatchLimits(count=1, size=MAX_BATCH, age_s=2.0)
LONGEST_PAUSE_S = 4.0
TERMS = LeaseTerms(visibility_ms=30_000, max_receives=5)


async def turn(consumer: Consumer, patience_s: float = 0.0) -> StoredBatch | None:
    """Let a consumer take one step after the other: receive unless something is due, write, settle.

    Return what it stored. Raise the error of the first object that could not be put.
    """
    if not (flush := consumer.due()):
        await consumer.receive(patience_s)
        flush = consumer.due()
    if not flush:
        return None
    for new in flush.objects:
        await consumer.write(flush, new)
    stored = await consumer.settle(flush)
    for _, error in flush.failed:
        raise error
    return stored


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

    async def turn(self, patience_s: float = 0.0) -> StoredBatch | None:
        return await turn(self.consumer, patience_s)

    async def due_turn(self) -> StoredBatch:
        stored = await self.turn()
        assert stored
        return stored

    async def written_flush(self, *, receive: bool = True) -> Flush:
        """Let the consumer receive, and write the flush that is due then."""
        if receive:
            await self.consumer.receive(0.0)
        flush = self.consumer.due()
        assert flush
        for new in flush.objects:
            await self.consumer.write(flush, new)
        return flush

    async def stop(self) -> int:
        """Store what is held, due or not; return how many messages were handed back."""
        while flush := self.consumer.due(at_end=True):
            for new in flush.objects:
                await self.consumer.write(flush, new)
            await self.consumer.settle(flush)
        return await self.consumer.hand_back()

    async def send(self, *bodies: bytes) -> None:
        assert not await self.queue.send(bodies)

    async def keys(self, prefix: str = "") -> list[str]:
        return [info.key for info in await self.storage.list(prefix)]

    async def depth(self) -> tuple[int, int, int]:
        depth = await self.queue.depth()
        return depth.ready, depth.leased, depth.dead
