"""Where a record is stored: by the hour of its own time, so that all its copies lie in one place."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Final, Literal, cast
from zlib import crc32

import msgspec

from telemetry.domain.contract.moment import HOUR_MS, Hour, epoch_ms, hour_of, hour_path
from telemetry.domain.contract.record import Record

Tree = Literal["raw", "skewed", "canary"]
"""What records are believed, which are not, and which are synthetic and belong to no hour."""

_TIMESTAMP: Final = attrgetter("timestamp_ms")

_PATH: Final = re.compile(
    r"(raw|skewed|canary)/year=(\d{4})/month=(\d\d)/day=(\d\d)/hour=(\d\d)"
    r"(?:/bucket=([1-9]\d{2,3}|\d\d))?(?!/bucket=)(?:/|\Z)",
    re.ASCII,
)


class Partition(msgspec.Struct, frozen=True, order=True, gc=False):
    """One hour of one tree, or one bucket of it."""

    tree: Tree
    hour: Hour
    bucket: int | None = None

    @property
    def path(self) -> str:
        """Write it as the folder that it is: `raw/year=2025/month=10/day=19/hour=14`."""
        folder = f"{self.tree}/{hour_path(self.hour)}"
        return folder if self.bucket is None else f"{folder}/bucket={self.bucket:02d}"


class PartitionPolicy(msgspec.Struct, frozen=True):
    """How far a vehicle's clock is believed, and into how many buckets an hour is split.

    A timestamp more than `past_ms` before or `future_ms` after the moment of receipt cannot be believed.
    """

    past_ms: int = 7 * 24 * HOUR_MS
    future_ms: int = 5 * 60_000
    buckets: int = 1

    def group(self, records: Sequence[Record]) -> Mapping[Partition, Sequence[Record]]:
        """Group the records of one body, received at one moment, by their partitions."""
        if self.buckets == 1:
            earliest, latest = (pick(records, key=_TIMESTAMP) for pick in (min, max))
            partition = self.place(earliest)
            # If both ends are believed and in one hour, so is all that lies between them.
            if partition.tree == "raw" and partition == self.place(latest):
                return {partition: records}
        by_partition: defaultdict[Partition, list[Record]] = defaultdict(list)
        for record in records:
            by_partition[self.place(record)].append(record)
        return by_partition

    def place(self, record: Record) -> Partition:
        """Choose the partition of a record; one that cannot be believed goes by the hour of its receipt."""
        believed = -self.past_ms <= record.timestamp_ms - record.received_ms <= self.future_ms
        bucket = _bucket(record.vehicle_id, self.buckets) if self.buckets > 1 else None
        if believed:
            return _partition("raw", hour_of(record.timestamp_ms), bucket)
        return _partition("skewed", hour_of(record.received_ms), bucket)


def parse_path(path: str) -> Partition:
    """Read a partition from the path of its folder or of an object in it. Raise ValueError if it is none."""
    match = _PATH.match(path)
    if not match:
        raise ValueError(f"{path[:120]!r} is not the path of a partition")
    tree = cast("Tree", match[1])
    year, month, day, hour = map(int, match.group(2, 3, 4, 5))
    start = datetime(year, month, day, hour, tzinfo=UTC)
    return Partition(tree, hour_of(epoch_ms(start)), None if match[6] is None else int(match[6]))


@lru_cache(maxsize=4096)
def _partition(tree: Tree, hour: Hour, bucket: int | None) -> Partition:
    # Records of one hour share one value, which makes grouping them by it cheap.
    return Partition(tree, hour, bucket)


@lru_cache(maxsize=65_536)
def _bucket(vehicle_id: str, buckets: int) -> int:
    # CRC-32 gives every process, machine and version the same number, which hash() does not.
    return crc32(vehicle_id.encode()) % buckets
