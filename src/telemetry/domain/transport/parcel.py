"""A parcel: lines of one partition with their times beside them, so that no line is parsed again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Self

import msgspec
import numpy as np

from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import Milliseconds
from telemetry.domain.contract.partition import Partition
from telemetry.domain.contract.record import Record
from telemetry.domain.transport import batch

TIME: Final = np.dtype("<i8")
"""How a time is encoded: epoch milliseconds, little-endian."""


class Parcel(msgspec.Struct, frozen=True, eq=False):
    """Lines of one partition.

    Of each line the time at which it was measured and received, as arrays (count,). `traces` are the contexts
    of the spans in which they came, if those are traced.
    """

    partition: Partition
    timestamps: Milliseconds
    received: Milliseconds
    lines: bytes
    traces: Sequence[str] = ()

    @classmethod
    def of(cls, partition: Partition, records: Sequence[Record], traces: Sequence[str] = ()) -> Self:
        """Make a parcel of records that all belong to `partition`."""
        return cls(
            partition,
            np.array([record.timestamp_ms for record in records], TIME),
            np.array([record.received_ms for record in records], TIME),
            codec.encode_lines(records),
            traces,
        )

    @property
    def count(self) -> int:
        return len(self.timestamps)

    @property
    def size(self) -> int:
        """Bytes that it brings into an envelope, before compression."""
        return 2 * TIME.itemsize * self.count + len(self.lines)


def group(parcels: Iterable[Parcel], limit: int) -> Iterator[Sequence[Parcel]]:
    """Group parcels, in their order, so that each group has one partition and at most `limit` bytes."""
    by_partition: defaultdict[Partition, list[Parcel]] = defaultdict(list)
    for parcel in parcels:
        by_partition[parcel.partition].append(parcel)
    for members in by_partition.values():
        for run in batch.runs([parcel.size for parcel in members], limit):
            yield members[run]
