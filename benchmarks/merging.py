"""How long it takes to merge what the buckets of an hour add up to: all at once, and in a tree of pairs.

Run by `make bench-dask`. `cpu_ms` is the least of ten times, and `largest_bytes` what a bucket sends.
"""

import pickle
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from benchmarks import data, report
from telemetry.domain.contract.moment import hour_of
from telemetry.domain.contract.record import Record
from telemetry.domain.figures import columns, copies
from telemetry.domain.figures.partial import Partial

_TIMES: Final = 10
_RECORDS: Final = 4  # a vehicle: a result has as many numbers, however many records a vehicle has


def main() -> int:
    chosen = report.arguments(__doc__, buckets=64, vehicles=500)
    vehicles = chosen.buckets * chosen.vehicles
    made = data.records(_RECORDS * vehicles, vehicles)
    buckets: defaultdict[int, list[Record]] = defaultdict(list)
    for record in made:
        buckets[int(record.vehicle_id.rpartition("-")[2]) % chosen.buckets].append(record)
    parts = [added_up(each) for each in buckets.values()]
    ways = {"at_once": Partial.merge, "pairs": in_pairs}
    answers = [measured(name, merge, parts, len(made)) for name, merge in ways.items()]
    return report.show(answers, chosen)


def added_up(made: Sequence[Record]) -> Partial:
    """Fold the records of a bucket."""
    found = columns.of_fields(
        [(each.vehicle_id, each.can_id) for each in made],
        columns.offsets_of(
            np.array([each.timestamp_ms for each in made], np.int64), hour_of(made[0].timestamp_ms)
        ),
        np.array([each.received_ms for each in made], np.int64),
        [each.payload for each in made],
    )
    return Partial.of(copies.unique(found.sort()))


def in_pairs(parts: Sequence[Partial]) -> Partial:
    """Merge two, and what that gives, until one is left."""
    while len(parts) > 1:
        parts = [Partial.merge(parts[at : at + 2]) for at in range(0, len(parts), 2)]
    return parts[0]


def measured(
    name: str, merge: Callable[[Sequence[Partial]], Partial], parts: Sequence[Partial], records: int
) -> dict[str, Any]:
    """Merge several times; return the least of the times, and whether a record is missing."""
    took = []
    for _ in range(_TIMES):
        began_s = time.process_time()
        merged = merge(parts)
        took.append(time.process_time() - began_s)
    return {
        "name": f"merge_{name}",
        "buckets": len(parts),
        "streams": len(merged.streams),
        "largest_bytes": max(len(pickle.dumps(each)) for each in parts),
        "cpu_ms": round(1000 * min(took)),
        "lost": records - int(merged.records.sum()),
    }


if __name__ == "__main__":
    sys.exit(main())
