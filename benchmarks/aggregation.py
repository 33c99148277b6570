"""How fast an hour is aggregated, compared with DuckDB over the same files in the same run.

Run by `make bench-aggregate`, and by `make bench`. One record in twenty is stored twice. Both have to return
the same figures. Times are the best of several turns, ours and the peer's one after the other.
"""

import asyncio
import math
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from benchmarks import data, report
from benchmarks.peers import duckdb_hour
from telemetry.adapters.cache.local import LocalCache
from telemetry.adapters.storage.local import LocalStorage
from telemetry.coordination.engine import ClosingEngine, LoopEngine, ProcessEngine
from telemetry.coordination.together import Concurrently
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.contract.partition import Partition, PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.fold import Fold
from telemetry.domain.figures.hour import Aggregated, Listing
from telemetry.domain.store.storage import ObjectInfo

T = TypeVar("T")

_OBJECTS: Final = 100
_TWICE: Final = 20
_TURNS: Final = 3
_LATE: Final = 100
_FAR_OBJECTS: Final = 1500
_ROUND_TRIP_S: Final = 0.02
_CACHE: Final = 100_000_000_000


class Seconds(NamedTuple):
    """What an action took."""

    wall: float
    cpu: float


class FarStorage(LocalStorage):
    """A store a round trip away, which counts what is read."""

    def __init__(self, root: Path, round_trip_s: float) -> None:
        super().__init__(root)
        self._round_trip_s = round_trip_s
        self.reads = 0

    async def get(self, key: str) -> bytes:
        self.reads += 1
        await asyncio.sleep(self._round_trip_s)
        return await super().get(key)

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        await asyncio.sleep(self._round_trip_s)
        return await super().list(prefix)


def main() -> int:
    chosen = report.arguments(__doc__, records=2_000_000, vehicles=500)
    made = data.records(chosen.records * _TWICE // (_TWICE + 1), chosen.vehicles)
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as root:
        answers = [
            cold(made, Path(root, "one"), buckets=1),
            cold(made, Path(root, "two"), buckets=2),
            asyncio.run(late(made, Path(root, "late"))),
            asyncio.run(far(made, Path(root, "far"))),
            asyncio.run(names(Path(root, "names"))),
        ]
    return report.show(answers, chosen) or int(not all(each.get("same_figures", True) for each in answers))


def cold(made: Sequence[Record], root: Path, buckets: int) -> dict[str, Any]:
    """Fold an hour that nothing is cached of: on one core, or on all with its vehicles in buckets.

    CPU is that of this process, where the peer has its threads too.
    """
    hour, lines = store(made, root, buckets)
    engine = LoopEngine() if buckets == 1 else ProcessEngine()
    threads = 1 if buckets == 1 else None
    times, peer_times = [], []
    with asyncio.Runner() as runner:
        for turn in range(_TURNS):
            builder = builder_of(root, engine, f"cache-{turn}")
            ours, time_s = timed(lambda b=builder: runner.run(build(b, root, hour)))  # type: ignore[misc]
            theirs, peer_s = timed(lambda: duckdb_hour.figures(root / "raw", threads))
            times.append(time_s)
            peer_times.append(peer_s)
        runner.run(engine.close())
    return {
        "name": "aggregation",
        "buckets": buckets,
        "records": lines,
        "duplicates": ours.duplicates,
        "us_per_record": round(min(times).wall / lines * 1e6, 2),
        "duckdb_us_per_record": round(min(peer_times).wall / lines * 1e6, 2),
        "times_duckdb": round(min(times).wall / min(peer_times).wall, 2),
        **({"cpu_times_duckdb": round(min(times).cpu / min(peer_times).cpu, 2)} if buckets == 1 else {}),
        "same_figures": is_same(ours, theirs),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


async def late(made: Sequence[Record], root: Path) -> dict[str, Any]:
    """Add one late object of one vehicle to an hour that was folded, and look again."""
    hour, _ = store(made, root, 1)
    storage = FarStorage(root, 0)
    builder = Builder(Fold(storage, LocalCache(root / "cache", _CACHE), Concurrently()))
    await build(builder, root, hour)
    first = made[0]
    delayed = [
        Record(first.timestamp_ms + number * 200 + 1, first.vehicle_id, first.can_id, first.payload, 0)
        for number in range(_LATE)
    ]
    (root / Partition("raw", hour).path / "late.jsonl").write_bytes(codec.encode_lines(delayed))
    storage.reads, started_s = 0, time.process_time()
    await build(builder, root, hour)
    cpu_s = time.process_time() - started_s
    return {"name": "late_object", "cpu_ms": round(cpu_s * 1000, 1), "reads": storage.reads}


async def far(made: Sequence[Record], root: Path) -> dict[str, Any]:
    """Look at an hour of many objects in a store a round trip away, after one new object."""
    hour, _ = store(made[: _FAR_OBJECTS * 100], root, 1, _FAR_OBJECTS)
    storage = FarStorage(root, _ROUND_TRIP_S)
    builder = Builder(Fold(storage, LocalCache(root / "cache", _CACHE), Concurrently()), Concurrently())
    durations, folder = [], root / Partition("raw", hour).path
    for turn in range(2):
        (folder / f"new-{turn}.jsonl").write_bytes(codec.encode_lines(made[:1]))
        started_s = time.perf_counter()
        await builder.build(hour, Listing(await storage.list("raw/"), ()))
        durations.append(time.perf_counter() - started_s)
    return {
        "name": "far_store",
        "objects": _FAR_OBJECTS,
        "cold_s": round(durations[0], 2),
        "one_new_object_s": round(durations[1], 2),
    }


async def names(root: Path) -> dict[str, Any]:
    """Fold 3,000 records with 64 signals each, whose 192,000 names occur once."""
    made = [
        Record(data.START_MS + at, "veh-1", "0x1", {f"s{at}_{number}": 1.0 for number in range(64)}, 0)
        for at in range(3000)
    ]
    hour, _ = store(made, root, 1, 10)
    started_s = time.process_time()
    found = await build(builder_of(root, LoopEngine(), "cache"), root, hour)
    return {
        "name": "signal_names",
        "names": 192_000,
        "left_out": found.left_out,
        "cpu_s": round(time.process_time() - started_s, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def store(made: Sequence[Record], root: Path, buckets: int, objects: int = _OBJECTS) -> tuple[Hour, int]:
    """Store records as a consumer does, in so many objects; return their hour, and the number of lines."""
    policy, written = PartitionPolicy(past_ms=10**15, future_ms=10**15, buckets=buckets), 0
    sent = [*made, *made[::_TWICE]]
    a_file = -(-len(sent) // objects)
    for number, first in enumerate(range(0, len(sent), a_file)):
        for place, some in policy.group(sent[first : first + a_file]).items():
            folder = root / place.path
            folder.mkdir(parents=True, exist_ok=True)
            folder.joinpath(f"batch-{number:05}.jsonl").write_bytes(codec.encode_lines(some))
            written += len(some)
    return Hour(made[0].timestamp_ms // HOUR_MS), written


def builder_of(root: Path, engine: ClosingEngine, cache: str) -> Builder:
    fold = Fold(LocalStorage(root), LocalCache(root / cache, _CACHE), Concurrently())
    return Builder(fold, Concurrently(), engine)


async def build(builder: Builder, root: Path, hour: Hour) -> Aggregated:
    listing = Listing(await LocalStorage(root).list("raw/"), ())
    return (await builder.build(hour, listing)).aggregated


def timed(action: Callable[[], T]) -> tuple[T, Seconds]:
    """Return the result of an action, and what it took."""
    started, cpu = time.perf_counter(), time.process_time()
    result = action()
    return result, Seconds(time.perf_counter() - started, time.process_time() - cpu)


def is_same(ours: Aggregated, theirs: Sequence[tuple[Any, ...]]) -> bool:
    """Return whether all figures are the same; averages may differ by the rounding of a sum."""
    rows = list(rows_of(ours))
    return len(rows) == len(theirs) and all(
        mine == other or (isinstance(mine, float) and math.isclose(mine, other, rel_tol=1e-9))
        for row, their_row in zip(rows, theirs, strict=True)
        for mine, other in zip(row, their_row, strict=True)
    )


def rows_of(ours: Aggregated) -> Iterator[tuple[Any, ...]]:
    """Yield the figures of each vehicle in the form of the peer's rows."""
    for vehicle_id, vehicle in ours.vehicles.items():
        named = (vehicle.signals[name] for name in duckdb_hour.NAMES)
        figures = (figure for each in named for figure in (each.count, each.min, each.max, each.avg))
        yield (vehicle_id, vehicle.count, vehicle.first, vehicle.last, *figures)


if __name__ == "__main__":
    sys.exit(main())
