"""Use-case: carry what the queue holds to the raw store, durable first, deleted second.

One call is one turn: receive what there is, and store the batch once it is due. A message leaves the queue only after
the objects that hold its lines are durable; whatever goes wrong before that, it stays on lease or comes again. A body
that cannot be decoded goes to quarantine with its reason, as durably as the others to theirs, and then leaves too.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from telemetry.domain.clock import Clock
from telemetry.domain.contract.partition import Policy
from telemetry.domain.store import objects
from telemetry.domain.store.latency import Stages
from telemetry.domain.store.objects import Quarantined, RawFormat
from telemetry.domain.store.storage import Storage
from telemetry.domain.transport import batch, envelope
from telemetry.domain.transport.batch import Batcher, Limits
from telemetry.domain.transport.envelope import Parcel, UndecodableError
from telemetry.domain.transport.lease import Delivery, Terms
from telemetry.domain.transport.queue import Queue, QueueUnavailableError

_AT_ONCE: Final = 16
"""Messages asked for in one receive: enough to amortise the call, few enough to bound what is held in memory."""


class Stored(msgspec.Struct, frozen=True):
    """What became of a batch of queue messages.

    `size` is bytes of lines, `redelivered` messages that had been received before, `undeleted` messages that the queue
    would not delete and that will come again. `latency` is None if there was no record in it.
    """

    messages: int
    records: int
    skewed: int
    quarantined: int
    redelivered: int
    undeleted: int
    objects: int
    size: int
    latency: Stages | None


class _Held(NamedTuple):
    """A leased message that is not durable elsewhere yet; `dequeued` in epoch milliseconds."""

    delivery: Delivery
    dequeued: int
    content: Parcel | UndecodableError


class Consume:
    """One consumer: the batch that it gathers, and the leases that it holds for it."""

    def __init__(  # noqa: PLR0913, PLR0917  # its two ports, its clock, and the four things that can be set
        self,
        queue: Queue,
        storage: Storage,
        clock: Clock,
        policy: Policy,
        limits: Limits,
        terms: Terms,
        raw_format: RawFormat = "jsonl",
    ) -> None:
        self._queue = queue
        self._storage = storage
        self._clock = clock
        self._policy = policy
        self._visibility = terms.visibility / 1000
        self._raw_format = raw_format
        self._batch: Batcher[_Held] = Batcher(limits)
        self._leased_at = 0.0
        self._is_urgent = False
        self._flushing_since: int | None = None
        self._durable: list[str] = []

    async def __call__(self, patience: float) -> Stored | None:
        """Take one turn, waiting at most `patience` seconds; tell what was stored, if a batch was due.

        Raises QueueUnavailableError or OSError; the next turn goes on where this one stopped.
        """
        await self._delete()
        if not self._is_due():
            await self._receive(patience)
        return await self._flush() if self._is_due() else None

    async def renew(self) -> None:
        """Extend the leases of the batch once half of their time is over. Raises QueueUnavailableError."""
        now = self._clock.monotonic()
        if self._batch.items and now - self._leased_at >= self._visibility / 2:
            await self._queue.extend(self._receipts(), self._visibility)
            self._leased_at = now

    async def stop(self) -> Stored | None:
        """Store what is held, due or not; if that cannot be, hand it back for others to receive at once.

        Raises QueueUnavailableError or OSError, after handing back.
        """
        try:
            await self._delete()
            return await self._flush() if self._batch.items else None
        finally:
            if self._batch.items:
                await self._queue.extend(self._receipts(), 0)

    def _is_due(self) -> bool:
        return (
            self._flushing_since is not None or self._is_urgent or self._batch.is_due(self._clock.monotonic())
        )

    async def _receive(self, patience: float) -> None:
        """Wait for a first message, then take all that has arrived, up to the size of a batch."""
        now = self._clock.monotonic()
        deadline = self._batch.deadline
        wait = patience if deadline is None else min(patience, max(0.0, deadline - now))
        while deliveries := await self._queue.receive(_AT_ONCE, wait):
            self._hold(deliveries)
            if len(deliveries) < _AT_ONCE or self._batch.size >= objects.MAX_BATCH:
                break
            wait = 0.0

    def _hold(self, deliveries: Sequence[Delivery]) -> None:
        now, dequeued = self._clock.monotonic(), self._clock.wall()
        if not self._batch.items:
            self._leased_at = now
        # What comes again has seen a consumer die: it is stored at once, because in waiting for company it would meet the
        # next death, and after a few of them be a dead letter for no fault of its own.
        self._is_urgent |= any(delivery.receives > 1 for delivery in deliveries)
        for delivery in deliveries:
            content = self._unpack(delivery)
            count, size = (
                (1, len(delivery.body))
                if isinstance(content, UndecodableError)
                else (content.count, len(content.lines))
            )
            self._batch.add(_Held(delivery, dequeued, content), count, size, now)

    def _unpack(self, delivery: Delivery) -> Parcel | UndecodableError:
        try:
            return envelope.unpack(delivery.body, delivery.sent, self._policy)
        except UndecodableError as error:
            return error

    async def _flush(self) -> Stored:
        # A flush that failed is tried again with the same messages under the same names, so that the objects that it
        # had written already are not written twice.
        self._flushing_since = self._flushing_since or self._clock.wall()
        held = tuple(self._batch.items)
        written = dict(self._objects(held, self._flushing_since))
        for key, lines in written.items():
            await self._storage.put(key, objects.write_lines(key, lines))
        now = self._clock.wall()
        self._durable = [each.delivery.receipt for each in held]
        self._batch.take()
        self._is_urgent = False
        self._flushing_since = None
        return _summary(held, written, await self._delete_if_possible(), now)

    def _objects(self, held: Sequence[_Held], now: int) -> Iterator[tuple[str, bytes]]:
        """Spell a batch as objects: keys and lines."""
        for bundle in envelope.bundle(_parcels(held), objects.MAX_BATCH):
            lines = b"".join(parcel.lines for parcel in bundle)
            yield objects.batch_key(bundle[0].partition, now, lines, self._raw_format), lines
        bad = [
            objects.write_quarantine([Quarantined.of(delivery, str(why), now)])
            for delivery, _, why in held
            if isinstance(why, UndecodableError)
        ]
        for run in batch.runs([len(line) for line in bad], objects.MAX_BATCH):
            lines = b"".join(bad[run])
            yield objects.quarantine_key(now, lines), lines

    async def _delete(self) -> int:
        """Delete what is durable; count what the queue refused to delete."""
        if not self._durable:
            return 0
        refused = await self._queue.delete(self._durable)
        self._durable = []
        return len(refused)

    async def _delete_if_possible(self) -> int:
        try:
            return await self._delete()
        except QueueUnavailableError:
            return len(self._durable)  # the next turn tries again, and speaks up if it cannot either

    def _receipts(self) -> list[str]:
        return [each.delivery.receipt for each in self._batch.items]


def _parcels(held: Sequence[_Held]) -> list[Parcel]:
    return [each.content for each in held if isinstance(each.content, Parcel)]


def _summary(held: Sequence[_Held], written: dict[str, bytes], undeleted: int, now: int) -> Stored:
    parcels = _parcels(held)
    return Stored(
        messages=len(held),
        records=sum(parcel.count for parcel in parcels),
        skewed=sum(parcel.count for parcel in parcels if parcel.partition.tree == "skewed"),
        quarantined=len(held) - len(parcels),
        redelivered=sum(each.delivery.receives > 1 for each in held),
        undeleted=undeleted,
        objects=len(written),
        size=sum(map(len, written.values())),
        latency=_latency(held, now) if parcels else None,
    )


def _latency(held: Sequence[_Held], written: int) -> Stages:
    counted = [(each.content, each.dequeued) for each in held if isinstance(each.content, Parcel)]
    return Stages.of(
        np.concatenate([parcel.timestamps for parcel, _ in counted]),
        np.concatenate([parcel.received for parcel, _ in counted]),
        np.repeat([dequeued for _, dequeued in counted], [parcel.count for parcel, _ in counted]),
        written,
    )
