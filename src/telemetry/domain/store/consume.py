"""Use-case: carry what the queue holds to the raw store, durable first, deleted second.

A consumer is in one of three states, and a turn moves it on:

- **Gathering.** Messages are received, and held on lease, until the batch is due: by count, by size, by the
  age of its oldest message, or at once if one of them has been received before.
- **Flushing.** The batch is fixed, and so is its moment, after which its objects are named. They are written.
  If one cannot be, the consumer stays in this state, and the next turn writes the same objects under the same
  names.
- **Deleting.** All of the batch is durable, and noted where it lies in an hour that no aggregator would look
  at by itself (`notes`). Now the queue is asked to delete its messages. If the queue cannot be asked, the
  consumer stays in this state. When it was asked, the consumer gathers again.

So a message leaves the queue only after the objects that hold its lines are durable. Whatever goes wrong
before that, it stays on lease or comes again. A body that cannot be decoded is written to quarantine with its
reason, as durably as the others to their partitions, and then leaves the queue too.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from telemetry.domain.clock import Clock
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.store import flush, notes, objects
from telemetry.domain.store.flush import Held, StoredBatch
from telemetry.domain.store.objects import RawFormat
from telemetry.domain.store.storage import Storage, StoreUnavailableError
from telemetry.domain.transport import envelope
from telemetry.domain.transport.batch import Batcher, BatchLimits
from telemetry.domain.transport.envelope import UndecodableError
from telemetry.domain.transport.lease import Delivery, LeaseTerms
from telemetry.domain.transport.parcel import Parcel
from telemetry.domain.transport.queue import Queue, QueueUnavailableError

_AT_ONCE: Final = 16
"""Messages asked for in one receive: enough to amortise the call, few enough to bound memory."""


class _Gathering:
    """The batch that grows."""

    def __init__(self, limits: BatchLimits) -> None:
        self.batch: Batcher[Held] = Batcher(limits)
        self.is_urgent = False

    @property
    def held(self) -> Sequence[Held]:
        return self.batch.items

    def is_due(self, now_s: float) -> bool:
        return self.is_urgent or self.batch.is_due(now_s)


class _Flushing(NamedTuple):
    """The batch that is being written under the name of one moment."""

    held: Sequence[Held]
    since_ms: int


class _Deleting(NamedTuple):
    """The messages that are durable and have to leave the queue."""

    handles: Sequence[str]
    held: Sequence[Held] = ()  # nothing is on lease that would have to be extended


class Consumer:
    """One consumer: its state, and the leases that it holds."""

    def __init__(  # noqa: PLR0913, PLR0917  # its two ports, its clock, and the four things that can be set
        self,
        queue: Queue,
        storage: Storage,
        clock: Clock,
        policy: PartitionPolicy,
        limits: BatchLimits,
        terms: LeaseTerms,
        raw_format: RawFormat = "jsonl",
    ) -> None:
        self._queue = queue
        self._storage = storage
        self._clock = clock
        self._policy = policy
        self._limits = limits
        self._visibility_s = terms.visibility_ms / 1000
        self._raw_format = raw_format
        self._state: _Gathering | _Flushing | _Deleting = _Gathering(limits)
        self._leased_at_s = 0.0

    async def turn(self, patience_s: float) -> StoredBatch | None:
        """Take one turn, waiting at most `patience_s` for messages; return what was stored, if anything.

        Raise QueueUnavailableError or StoreUnavailableError; the next turn goes on where this one stopped.
        """
        if isinstance(self._state, _Deleting):
            await self._delete(self._state)
        if isinstance(self._state, _Gathering):
            if not self._state.is_due(self._clock.monotonic_s()):
                await self._receive(self._state, patience_s)
            if self._state.is_due(self._clock.monotonic_s()):
                self._state = self._fix(self._state)
        return await self._flush(self._state) if isinstance(self._state, _Flushing) else None

    async def renew(self) -> None:
        """Extend the leases of the batch once half of their time is over. Raise QueueUnavailableError."""
        now_s = self._clock.monotonic_s()
        if self._state.held and now_s - self._leased_at_s >= self._visibility_s / 2:
            await self._queue.extend(self._handles(), self._visibility_s)
            self._leased_at_s = now_s

    async def stop(self) -> StoredBatch | None:
        """Store what is held, due or not; if that cannot be, hand it back for others to receive at once.

        Raise QueueUnavailableError or StoreUnavailableError, after handing back.
        """
        try:
            if isinstance(self._state, _Deleting):
                await self._delete(self._state)
            if isinstance(self._state, _Gathering) and self._state.held:
                self._state = self._fix(self._state)
            return await self._flush(self._state) if isinstance(self._state, _Flushing) else None
        finally:
            if self._state.held:
                await self._queue.extend(self._handles(), 0)

    def _fix(self, state: _Gathering) -> _Flushing:
        return _Flushing(tuple(state.batch.take()), self._clock.wall_ms())

    async def _receive(self, state: _Gathering, patience_s: float) -> None:
        """Wait for a first message, then take all that has arrived, up to the size of a batch."""
        deadline_s = state.batch.deadline_s
        wait_s = patience_s
        if deadline_s is not None:
            wait_s = min(patience_s, max(0.0, deadline_s - self._clock.monotonic_s()))
        while deliveries := await self._queue.receive(_AT_ONCE, wait_s):
            self._hold(state, deliveries)
            if len(deliveries) < _AT_ONCE or state.batch.size >= objects.MAX_BATCH:
                break
            wait_s = 0.0

    def _hold(self, state: _Gathering, deliveries: Sequence[Delivery]) -> None:
        now_s, dequeued_ms = self._clock.monotonic_s(), self._clock.wall_ms()
        if not state.held:
            self._leased_at_s = now_s
        # What comes again was held by a consumer that died. It is stored at once: if it waited for more, it
        # would be there at the next death too, and after a few of them be a dead letter for no fault of its
        # own.
        # there at the next death too, and after a few of them be a dead letter for no fault of its own.
        state.is_urgent |= any(delivery.receives > 1 for delivery in deliveries)
        for delivery in deliveries:
            held = Held(delivery, dequeued_ms, self._decode(delivery))
            state.batch.add(held, held.count, held.size, now_s)

    def _decode(self, delivery: Delivery) -> Parcel | UndecodableError:
        try:
            return envelope.decode(delivery.body, delivery.sent_ms, self._policy)
        except UndecodableError as error:
            return error

    async def _flush(self, state: _Flushing) -> StoredBatch:
        """Write all objects of the batch, then delete its messages if the queue can be asked."""
        written = dict(flush.contents(state.held, state.since_ms, self._raw_format))
        try:
            for key, lines in written.items():
                await self._storage.put(key, objects.encode_object(key, lines))
        except StoreUnavailableError:
            await self._acquit(state)
            raise
        written_ms = self._clock.wall_ms()
        # What is late is decided now that all is durable, however long that took.
        for key, content in notes.of(written, written_ms):
            await self._storage.put(key, content)
        deleting = _Deleting(self._handles())
        self._state = deleting
        try:
            undeleted = await self._delete(deleting)
        except QueueUnavailableError:
            undeleted = len(deleting.handles)  # the next turn tries again, and raises if it cannot either
        return StoredBatch.of(state.held, written, undeleted, written_ms)

    async def _acquit(self, state: _Flushing) -> None:
        """Say that the store is at fault, should this process die before the store takes the batch."""
        with suppress(QueueUnavailableError):  # then the leases count, as those of a process that died do
            await self._queue.acquit([each.delivery.handle for each in state.held])

    async def _delete(self, state: _Deleting) -> int:
        """Delete what is durable; return how many messages the queue refused to delete."""
        refused = await self._queue.delete(state.handles)
        self._state = _Gathering(self._limits)
        return len(refused)

    def _handles(self) -> list[str]:
        return [each.delivery.handle for each in self._state.held]
