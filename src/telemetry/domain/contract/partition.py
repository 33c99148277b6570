"""Where a record is stored: by the hour of its own time, so that all its copies meet in one place."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Final, Literal
from zlib import crc32

import msgspec

from telemetry.domain.contract.message import Record

Tree = Literal["raw", "skewed"]

HOUR_MS: Final = 3_600_000

_TIMESTAMP: Final = attrgetter("timestamp")

_PATH: Final = re.compile(
    r"(raw|skewed)/year=(\d{4})/month=(\d\d)/day=(\d\d)/hour=(\d\d)"
    r"(?:/bucket=([1-9]\d{2,3}|\d\d))?(?!/bucket=)(?:/|\Z)",
    re.ASCII,
)


class Partition(msgspec.Struct, frozen=True, order=True, gc=False):
    """One hour of one tree, or one bucket of it. `hour` counts from 1970-01-01T00 UTC."""

    tree: Tree
    hour: int
    bucket: int | None = None

    @property
    def path(self) -> str:
        """Spell it as the folder it is: `raw/year=2025/month=10/day=19/hour=14`."""
        folder = f"{self.tree}/{hour_path(self.hour)}"
        return folder if self.bucket is None else f"{folder}/bucket={self.bucket:02d}"


class Policy(msgspec.Struct, frozen=True):
    """How far a vehicle's clock is believed, and into how many buckets an hour is split.

    A timestamp more than `past_ms` before or `future_ms` after the moment of receipt cannot be believed.
    """

    past_ms: int = 7 * 24 * HOUR_MS
    future_ms: int = 5 * 60_000
    buckets: int = 1

    def sort(self, records: Sequence[Record]) -> Mapping[Partition, Sequence[Record]]:
        """Sort the records of one body, received at one moment, into their partitions."""
        if self.buckets == 1:
            earliest, latest = (pick(records, key=_TIMESTAMP) for pick in (min, max))
            partition = self.place(earliest)
            # What is believed, and what is in one hour, is all that lies between two ends.
            if partition.tree == "raw" and partition == self.place(latest):
                return {partition: records}
        by_partition: defaultdict[Partition, list[Record]] = defaultdict(list)
        for record in records:
            by_partition[self.place(record)].append(record)
        return by_partition

    def place(self, record: Record) -> Partition:
        """Choose the partition of a record; one that cannot be believed goes by the hour of its receipt."""
        believed = -self.past_ms <= record.timestamp - record.received <= self.future_ms
        bucket = _bucket(record.vehicle_id, self.buckets) if self.buckets > 1 else None
        if believed:
            return _partition("raw", record.timestamp // HOUR_MS, bucket)
        return _partition("skewed", record.received // HOUR_MS, bucket)


def parse(path: str) -> Partition:
    """Read a partition from the path of its folder or of an object in it. Raises ValueError if it is none."""
    match = _PATH.match(path)
    if not match:
        raise ValueError(f"{path[:120]!r} is not the path of a partition")
    year, month, day, hour = map(int, match.group(2, 3, 4, 5))
    hours = int(datetime(year, month, day, hour, tzinfo=UTC).timestamp()) // 3600
    bucket = match.group(6)
    return Partition(
        "raw" if match.group(1) == "raw" else "skewed", hours, None if bucket is None else int(bucket)
    )


def hour_path(hour: int) -> str:
    """Spell an hour as the levels of a folder: `year=2025/month=10/day=19/hour=14`."""
    start = datetime.fromtimestamp(hour * 3600, UTC)
    return f"year={start.year:04d}/month={start.month:02d}/day={start.day:02d}/hour={start.hour:02d}"


def day_path(hour: int) -> str:
    """Spell the day of an hour as the levels of a folder: `year=2025/month=10/day=19`."""
    return hour_path(hour).rpartition("/")[0]


@lru_cache(maxsize=4096)
def _partition(tree: Tree, hour: int, bucket: int | None) -> Partition:
    # Records of one hour share one value, which makes grouping them by it cheap.
    return Partition(tree, hour, bucket)


@lru_cache(maxsize=65_536)
def _bucket(vehicle_id: str, buckets: int) -> int:
    # CRC-32 gives every process, machine and version the same number, which hash() does not.
    return crc32(vehicle_id.encode()) % buckets
