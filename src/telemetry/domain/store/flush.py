"""What a flush writes, and what became of it: pure functions over the messages that a consumer holds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Self

import msgspec
import numpy as np

from telemetry.domain.store import objects, quarantine
from telemetry.domain.store.latency import Stages
from telemetry.domain.store.objects import MAX_BATCH, RawFormat
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.transport import batch, parcel
from telemetry.domain.transport.envelope import UndecodableError
from telemetry.domain.transport.lease import Delivery
from telemetry.domain.transport.parcel import Parcel


class Held(msgspec.Struct, frozen=True, eq=False):
    """A message on lease whose content is not durable in the store yet, and when it was received."""

    delivery: Delivery
    dequeued_ms: int
    content: Parcel | UndecodableError

    @property
    def count(self) -> int:
        """How many records it stands for."""
        return self.content.count if isinstance(self.content, Parcel) else 1

    @property
    def size(self) -> int:
        """Bytes that it brings into the store."""
        return len(self.content.lines if isinstance(self.content, Parcel) else self.delivery.body)


class StoredBatch(msgspec.Struct, frozen=True):
    """What became of a batch of queue messages.

    `size` is bytes of lines. `redelivered` counts messages that had been received before. `undeleted` counts
    messages that the queue would not delete and that will come again. `latency` is None if there was no
    record in it.
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

    @classmethod
    def of(cls, held: Sequence[Held], written: Mapping[str, bytes], undeleted: int, written_ms: int) -> Self:
        """Summarise a batch whose objects, `written`, were all durable at `written_ms`."""
        parcels = _parcels(held)
        return cls(
            messages=len(held),
            records=sum(each.count for each in parcels),
            skewed=sum(each.count for each in parcels if each.partition.tree == "skewed"),
            quarantined=len(held) - len(parcels),
            redelivered=sum(each.delivery.receives > 1 for each in held),
            undeleted=undeleted,
            objects=len(written),
            size=sum(map(len, written.values())),
            latency=_latency(held, written_ms) if parcels else None,
        )


def contents(held: Sequence[Held], now_ms: int, raw_format: RawFormat) -> Iterator[tuple[str, bytes]]:
    """Yield the objects of a batch, each as its key and its lines.

    The same batch at the same moment gives the same.
    """
    for parcels in parcel.group(_parcels(held), MAX_BATCH):
        lines = b"".join(each.lines for each in parcels)
        yield objects.batch_key(parcels[0].partition, now_ms, lines, raw_format), lines
    undecodable = [
        quarantine.encode([QuarantinedBody.of(each.delivery, str(each.content), now_ms)])
        for each in held
        if isinstance(each.content, UndecodableError)
    ]
    for run in batch.runs([len(line) for line in undecodable], MAX_BATCH):
        lines = b"".join(undecodable[run])
        yield objects.quarantine_key(now_ms, lines), lines


def _parcels(held: Sequence[Held]) -> list[Parcel]:
    return [each.content for each in held if isinstance(each.content, Parcel)]


def _latency(held: Sequence[Held], written_ms: int) -> Stages:
    counted = [(each.content, each.dequeued_ms) for each in held if isinstance(each.content, Parcel)]
    counts = [content.count for content, _ in counted]
    return Stages.of(
        np.concatenate([content.timestamps for content, _ in counted]),
        np.concatenate([content.received for content, _ in counted]),
        np.repeat([dequeued_ms for _, dequeued_ms in counted], counts),
        written_ms,
    )
