"""What a flush writes, and what became of it: pure functions over the messages that a consumer holds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Self

import msgspec
import numpy as np

from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.errors import TelemetryError
from telemetry.domain.store import objects, quarantine
from telemetry.domain.store.latency import Latencies, Spread, Stages
from telemetry.domain.store.objects import MAX_BATCH, RawFormat
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.transport import batch, envelope, parcel
from telemetry.domain.transport.envelope import UndecodableError
from telemetry.domain.transport.lease import Delivery
from telemetry.domain.transport.parcel import Parcel

Reason = Literal["full", "age", "again", "retry", "end"]
"""Why a batch is written: it is full or old, a message of it came again, it was held back, or all ends."""


class Held(msgspec.Struct, frozen=True, eq=False):
    """A message on lease whose content is not durable in the store yet, and when it was received."""

    delivery: Delivery
    dequeued_ms: int
    content: Parcel | UndecodableError

    @classmethod
    def of(cls, delivery: Delivery, dequeued_ms: int, policy: PartitionPolicy) -> Self:
        """Decode a message that was received, if that is possible."""
        try:
            return cls(delivery, dequeued_ms, envelope.decode(delivery.body, delivery.sent_ms, policy))
        except UndecodableError as error:
            return cls(delivery, dequeued_ms, error)

    @property
    def is_canary(self) -> bool:
        """Whether it holds synthetic records, which no count includes."""
        return isinstance(self.content, Parcel) and self.content.partition.tree == "canary"

    @property
    def count(self) -> int:
        """How many records it stands for."""
        return self.content.count if isinstance(self.content, Parcel) else 1

    @property
    def size(self) -> int:
        """Bytes that it brings into the store."""
        return len(self.content.lines if isinstance(self.content, Parcel) else self.delivery.body)


class NewObject(msgspec.Struct, frozen=True, eq=False):
    """An object that is to be written: its lines, and the messages that may leave the queue after that.

    `since_ms` is the moment after which it is named.
    """

    key: str
    lines: bytes
    held: Sequence[Held]
    since_ms: int

    @property
    def folder(self) -> str:
        """The folder of its partition, or of the quarantine."""
        return self.key.rpartition("/")[0]


class Flush(msgspec.Struct, eq=False):
    """Objects that are written at the same time, and what has become of them so far.

    `written_ms` is when the last of `written` was durable.
    """

    objects: Sequence[NewObject]
    reason: Reason = "end"
    written: list[NewObject] = []
    failed: list[tuple[NewObject, TelemetryError]] = []
    written_ms: int = 0

    @property
    def handles(self) -> list[str]:
        """The lease handles of the messages whose objects are durable."""
        return [each.delivery.handle for new in self.written for each in new.held]


class StoredBatch(msgspec.Struct, frozen=True):
    """What became of a batch of queue messages.

    `size` is bytes of lines. `redelivered` counts messages that had been received before. `undeleted` counts
    messages that the queue would not delete and that will come again. `latency` is None if there was no
    record in it; `spreads` counts the same latencies by stage. The first message was received at `since_ms`,
    and all was durable at `written_ms`. `traces` are the contexts of the POSTs that are traced.
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
    spreads: Mapping[str, Spread] = {}
    reason: Reason = "end"
    since_ms: int = 0
    written_ms: int = 0
    traces: Sequence[str] = ()

    @classmethod
    def of(cls, under_way: Flush, undeleted: int) -> Self:
        """Summarise what of a flush is durable."""
        written, written_ms = under_way.written, under_way.written_ms
        every = [each for new in written for each in new.held]
        held = [each for each in every if not each.is_canary]
        parcels = _parcels(held)
        latencies = _latencies(held, written_ms) if parcels else None
        return cls(
            messages=len(held),
            records=sum(each.count for each in parcels),
            skewed=sum(each.count for each in parcels if each.partition.tree == "skewed"),
            quarantined=len(held) - len(parcels),
            redelivered=sum(each.delivery.receives > 1 for each in held),
            undeleted=undeleted,
            objects=sum(not new.held[0].is_canary for new in written),
            size=sum(len(new.lines) for new in written if not new.held[0].is_canary),
            latency=Stages.of(latencies) if latencies else None,
            spreads=latencies.spreads() if latencies else {},
            reason=under_way.reason,
            since_ms=min((each.dequeued_ms for each in held), default=written_ms),
            written_ms=written_ms,
            traces=list(dict.fromkeys(trace for each in parcels for trace in each.traces)),
        )


def plan(held: Sequence[Held], since_ms: int, raw_format: RawFormat) -> Iterator[NewObject]:
    """Yield the objects of a batch. The same batch at the same moment gives the same."""
    owner = {id(each.content): each for each in held}
    for parcels in parcel.group(_parcels(held), MAX_BATCH):
        lines = b"".join(each.lines for each in parcels)
        key = objects.batch_key(parcels[0].partition, since_ms, lines, raw_format)
        yield NewObject(key, lines, [owner[id(each)] for each in parcels], since_ms)
    undecodable = [
        (each, quarantine.encode([QuarantinedBody.of(each.delivery, str(each.content), since_ms)]))
        for each in held
        if isinstance(each.content, UndecodableError)
    ]
    for run in batch.runs([len(line) for _, line in undecodable], MAX_BATCH):
        lines = b"".join(line for _, line in undecodable[run])
        key = objects.quarantine_key(since_ms, lines)
        yield NewObject(key, lines, [each for each, _ in undecodable[run]], since_ms)


def _parcels(held: Sequence[Held]) -> list[Parcel]:
    return [each.content for each in held if isinstance(each.content, Parcel)]


def _latencies(held: Sequence[Held], written_ms: int) -> Latencies:
    counted = [(each.content, each.dequeued_ms) for each in held if isinstance(each.content, Parcel)]
    counts = [content.count for content, _ in counted]
    return Latencies.of(
        np.concatenate([content.timestamps for content, _ in counted]),
        np.concatenate([content.received for content, _ in counted]),
        np.repeat([dequeued_ms for _, dequeued_ms in counted], counts),
        written_ms,
    )
