"""Hours in files, for the benchmarks of the aggregator: one record in twenty is stored twice."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import data
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record

HOUR: Final = Hour(data.START_MS // HOUR_MS)
_TWICE: Final = 20
_ANY: Final = 10**15


class Fleet(msgspec.Struct, frozen=True):
    """How many lines an hour has, of how many vehicles, in how many objects, in how many buckets.

    Each further 2,000,000 lines are the same values under the names of as many other vehicles, since the
    records of so few would not fit into an hour.
    """

    lines: int
    vehicles: int = 500
    objects: int = 100
    buckets: int = 1

    def store(self, root: Path) -> None:
        """Store the hour below `root` as a consumer does."""
        times = -(-self.lines // 2_000_000)
        made = data.records(self.lines // times * _TWICE // (_TWICE + 1), self.vehicles)
        for number in range(times):
            named = made if times == 1 else list(_renamed(made, number))
            store(root, [*named, *named[::_TWICE]], self.objects // times, self.buckets, f"{number:02}-")


def store(root: Path, records: Sequence[Record], objects: int, buckets: int = 1, prefix: str = "") -> None:
    """Store records in so many objects, or so many a bucket."""
    policy = PartitionPolicy(_ANY, _ANY, buckets)
    size = -(-len(records) // objects)
    for number, first in enumerate(range(0, len(records), size)):
        for place, some in policy.group(records[first : first + size]).items():
            folder = root / place.path
            folder.mkdir(parents=True, exist_ok=True)
            folder.joinpath(f"batch-{prefix}{number:05}.jsonl").write_bytes(codec.encode_lines(some))


def _renamed(records: Sequence[Record], number: int) -> Iterator[Record]:
    for each in records:
        yield msgspec.structs.replace(each, vehicle_id=f"{each.vehicle_id}-{number}")


def store_names(root: Path) -> None:
    """Store 3,000 records with 64 signals each, whose 192,000 names occur once."""
    made = [
        Record(data.START_MS + at, "veh-1", "0x1", {f"s{at}_{number}": 1.0 for number in range(64)}, 0)
        for at in range(3000)
    ]
    store(root, made, 10)
