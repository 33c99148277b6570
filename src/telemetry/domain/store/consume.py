"""Use-case: carry what the queue holds to the raw store, durable first, deleted second.

A message goes through four states, and a consumer holds many in each:

- **Gathered.** It was received, and is on lease. Its batch grows until it is due: by count, by size, by the
  age of its oldest message, or at once if one of them has been received before.
- **Under way.** The batch is fixed, and so is its moment, after which its objects are named: a flush. Its
  objects are written in any order, or all at once. Flushes go side by side, but only a few. While one is
  under way, the next batch does not go before it is full or old: so batches grow where the store is far away.
- **Durable.** Its object was put, and noted where it lies in an hour that no aggregator would look at by
  itself (`notes`). Only now the queue is asked to delete it. If the queue cannot be asked, the flush stays
  under way and is settled later.
- **Held back.** Its object, or the note of it, could not be put. It stays on lease, and the same object is
  put under the same name when its folder takes objects again. What belongs elsewhere is not stopped by it.

So a message leaves the queue only after the object that holds its lines is durable. Whatever goes wrong
before that, it stays on lease or comes again. A body that cannot be decoded is written to quarantine with its
reason, as durably as the others to their partitions, and then leaves the queue too.

No verb waits for another. So `receive`, `write` of each object, `settle` of each flush and `renew` may be
called while the others have not returned.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from telemetry.domain.clock import Clock
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.errors import TelemetryError
from telemetry.domain.store import flush, notes, objects
from telemetry.domain.store.flush import Flush, Held, NewObject, Reason, StoredBatch
from telemetry.domain.store.gathering import Gathering
from telemetry.domain.store.held_back import HeldBack, Kept
from telemetry.domain.store.leases import Leases
from telemetry.domain.store.objects import RawFormat
from telemetry.domain.store.storage import ObjectExistsError, Storage
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import Delivery, LeaseTerms
from telemetry.domain.transport.queue import Queue, QueueUnavailableError

MOST_UNDER_WAY: Final = 4
"""Flushes that are under way at one time: each holds up to a full object in memory, or a little more."""

_AT_ONCE: Final = 16
"""Messages asked for in one receive: enough to amortise the call, few enough to bound memory."""


class Consumer:
    """One consumer: the messages that it holds, and their leases."""

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
        self._raw_format = raw_format
        self._gathering = Gathering(limits)
        self._under_way: list[Flush] = []
        self._held_back = HeldBack()
        self._leases = Leases(terms.visibility_ms / 1000)

    @property
    def may_receive(self) -> bool:
        """Whether there is room for more messages: the batch is not full, and not too much is held back."""
        return not self._gathering.is_full and not self._held_back.is_full

    @property
    def held_back(self) -> int:
        """How many messages wait until their folders take objects again."""
        return self._held_back.messages

    @property
    def in_flight(self) -> int:
        """How many messages are on lease here: gathered, under way or held back."""
        return len(self._leases.handles)

    async def receive(self, patience_s: float) -> None:
        """Wait at most `patience_s` for a first message, then take all that has arrived, up to a full batch.

        Raise QueueUnavailableError.
        """
        wait_s = self._wait_s(patience_s)
        while deliveries := await self._queue.receive(_AT_ONCE, wait_s):
            self._gather(deliveries)
            if len(deliveries) < _AT_ONCE or not self.may_receive:
                break
            wait_s = 0.0

    def due(self, *, at_end: bool = False) -> Flush | None:
        """Return what is to be written now, which is under way from then on: what was held back goes first.

        At the end the batch goes whether it is due or not.
        """
        if len(self._under_way) == MOST_UNDER_WAY:
            return None
        now_s = self._clock.monotonic_s()
        reason: Reason = "retry"
        new = [kept.plan(self._policy, self._raw_format) for kept in self._held_back.take(now_s)]
        if not new and (at_end or self._gathering.is_due(now_s, is_alone=not self._under_way)):
            reason = self._gathering.reason(now_s)
            new = self._fix()
        if not new:
            return None
        self._under_way.append(Flush(new, reason))
        return self._under_way[-1]

    async def write(self, under_way: Flush, new: NewObject) -> None:
        """Put one object of a flush. If it cannot be put, the flush says so, and the object is held back."""
        try:
            await self._storage.put(new.key, objects.encode_object(new.key, new.lines))
        except TelemetryError as error:
            self._fail(under_way, new, error)
        else:
            under_way.written.append(new)
            under_way.written_ms = self._clock.wall_ms()
            self._held_back.succeeded(new.folder)

    async def settle(self, under_way: Flush) -> StoredBatch | None:
        """Once each object of a flush was put or failed, note the late ones and delete what is durable.

        Return what was stored, if anything. Raise QueueUnavailableError; the flush may be settled again.
        """
        # What is late is decided now that all is durable, however long that took.
        for key, content in notes.of([new.key for new in under_way.written], under_way.written_ms):
            await self._note(under_way, key, content)
        await self._acquit()
        handles = under_way.handles
        refused = await self._queue.delete(handles) if handles else ()
        self._leases.end(handles)
        self._under_way.remove(under_way)
        if not handles:
            return None
        return StoredBatch.of(under_way, len(refused))

    async def renew(self) -> None:
        """Extend all leases once half of the time of one is over. Raise QueueUnavailableError."""
        now_s, handles = self._clock.monotonic_s(), self._leases.handles
        if handles and self._leases.are_due(now_s):
            await self._queue.extend(handles, self._leases.visibility_s)
            self._leases.extended(handles, now_s)

    async def hand_back(self) -> int:
        """End the leases of all that is held, for others to receive at once; return how many there were."""
        handles = self._leases.handles
        if handles:
            await self._queue.extend(handles, 0)
        return len(handles)

    def _wait_s(self, patience_s: float) -> float:
        """Return how long to wait for a message: not beyond the moment at which the batch may go."""
        deadline_s = self._gathering.deadline_s
        if deadline_s is None or len(self._under_way) == MOST_UNDER_WAY:
            return patience_s
        return min(patience_s, max(0.0, deadline_s - self._clock.monotonic_s()))

    def _gather(self, deliveries: Sequence[Delivery]) -> None:
        now_s, dequeued_ms = self._clock.monotonic_s(), self._clock.wall_ms()
        self._leases.begin([each.handle for each in deliveries], now_s)
        self._gathering.add((Held.of(each, dequeued_ms, self._policy) for each in deliveries), now_s)

    def _fix(self) -> list[NewObject]:
        """Name the objects of the batch, and hold back those whose folders take nothing."""
        tried: list[NewObject] = []
        for new in flush.plan(self._gathering.take(), self._clock.wall_ms(), self._raw_format):
            if self._held_back.is_closed(new.folder):
                self._held_back.hold(Kept.of(new, new.since_ms))
            else:
                tried.append(new)
        return tried

    def _fail(self, under_way: Flush, new: NewObject, error: TelemetryError) -> None:
        under_way.failed.append((new, error))
        # Where other bytes have its name, it needs another one.
        since_ms = self._clock.wall_ms() if isinstance(error, ObjectExistsError) else new.since_ms
        self._held_back.failed(Kept.of(new, since_ms), self._clock.monotonic_s())

    async def _note(self, under_way: Flush, key: str, content: bytes) -> None:
        """Put a note. If it cannot be put, the objects that it names are held back and put again."""
        try:
            await self._storage.put(key, content)
        except TelemetryError as error:
            named = set(content.decode().splitlines())
            for new in [each for each in under_way.written if each.key in named]:
                under_way.written.remove(new)
                self._fail(under_way, new, error)

    async def _acquit(self) -> None:
        """Say that the store is at fault, should this process die before it takes what is held back."""
        if handles := self._held_back.unacquitted():
            with suppress(QueueUnavailableError):  # then the leases count, as those of a process that died do
                await self._queue.acquit(handles)
