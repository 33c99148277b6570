"""How fast an hour is aggregated and in how much memory, beside DuckDB over the same files in the same run.

Run by `make bench-aggregate`, and by `make bench`. Each row is measured in a process of its own, which finds
its files stored, so that `peak_mb` is what aggregating takes. Both have to return the same figures. Times are
the best of several turns, ours and the peer's one after the other. The largest hour has a command of its own:
`python -m benchmarks.aggregation --records 20000000 --only cold,few`, six minutes.
"""

import asyncio
import math
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from benchmarks import aggregating, fleets, report
from benchmarks.fleets import HOUR, Fleet
from benchmarks.peers import duckdb_hour
from telemetry.adapters.cache.local import LocalCache
from telemetry.adapters.storage.local import LocalStorage
from telemetry.coordination.engine import ClosingEngine, LoopEngine, ProcessEngine
from telemetry.coordination.together import Concurrently
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.fold import Fold
from telemetry.domain.figures.hour import Aggregated, Listing
from telemetry.entrypoints.process import runtime

R = TypeVar("R")

_TURNS: Final = 3
_CACHE: Final = 100_000_000_000
_GOAL_MB: Final = 500
_LINES_AN_OBJECT: Final = 20_000
_LONG_S: Final = 10.0
"""Seconds after which one turn is enough."""
_FEW: Final = 200_000
_FAR: Final = 150_000
_MANY: Final = 100_000  # vehicles


class Seconds(NamedTuple):
    """What an action took."""

    wall: float
    cpu: float


class Row(NamedTuple):
    """A question: the hour that it is asked of, what answers it, and with which arguments."""

    fleet: Fleet
    answer: Callable[..., dict[str, Any]]
    arguments: tuple[object, ...] = ()


def rows(lines: int, vehicles: int) -> Mapping[str, Row]:
    """Return all questions about an hour of so many lines."""
    objects = max(100, lines // _LINES_AN_OBJECT)
    whole = Fleet(lines, vehicles, objects)
    return {
        "cold": Row(whole, cold, (1,)),
        "few": Row(Fleet(min(lines, _FEW), vehicles, 10), cold, (1,)),
        "buckets": Row(Fleet(lines, vehicles, objects, 2), cold, (2,)),
        "late": Row(whole, aggregating.late),
        "continuous": Row(Fleet(lines, vehicles, objects=360), aggregating.continuous),
        "vehicles": Row(Fleet(lines, _MANY, objects), fold_once, ("many_vehicles",)),
        "far": Row(Fleet(min(lines, _FAR), vehicles, objects=1500), aggregating.far),
        "names": Row(Fleet(0), fold_once, ("signal_names",)),
    }


def main() -> int:
    chosen = report.arguments(__doc__, records=2_000_000, vehicles=500, only="")
    asked = rows(chosen.records, chosen.vehicles)
    answers = {name: answered(asked[name]) for name in chosen.only.split(",") if name} or {
        name: answered(row) for name, row in asked.items()
    }
    if {"cold", "few"} <= answers.keys():
        answers["size"] = growth(answers["cold"], answers["few"])
    is_same_everywhere = all(each.get("same_figures", True) for each in answers.values())
    return report.show(list(answers.values()), chosen) or int(not is_same_everywhere)


def answered(row: Row) -> dict[str, Any]:
    """Store an hour, and answer a question about it, each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as name:
        alone(row.fleet.store if row.fleet.lines else fleets.store_names, Path(name))
        return alone(row.answer, Path(name), *row.arguments)


def alone(action: Callable[..., R], *arguments: object) -> R:
    """Run an action in a process of its own, which collects garbage as seldom as a role does."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), runtime.spare_collector) as pool:
        return pool.submit(action, *arguments).result()


def growth(many: Mapping[str, Any], few: Mapping[str, Any]) -> dict[str, Any]:
    """Compare what a record takes in a large hour and in a small one."""
    return {
        "name": "hour_size",
        "records": f"{few['records']}-{many['records']}",
        "times": round(many["us_per_record"] / few["us_per_record"], 2),
        "goal_times": 1.3,
    }


def cold(root: Path, buckets: int) -> dict[str, Any]:
    """Fold an hour that nothing is cached of: on one core, or on all with its vehicles in buckets.

    CPU is that of this process, where the peer has its threads too. The peak is that of the first turn,
    before the peer is loaded.
    """
    engine = LoopEngine() if buckets == 1 else ProcessEngine()
    threads = 1 if buckets == 1 else None
    times, peer_times, peaks = [], [], []
    with asyncio.Runner() as runner:
        for turn in range(_TURNS):
            builder = builder_of(root, engine, f"cache-{turn}")
            ours, time_s = timed(lambda b=builder: build(runner, b, root))  # type: ignore[misc]
            peaks.append(peak_mb())
            theirs, peer_s = timed(lambda: duckdb_hour.figures(root / "raw", threads))
            times.append(time_s)
            peer_times.append(peer_s)
            shutil.rmtree(root / f"cache-{turn}")
            if time_s.wall > _LONG_S:
                break
        runner.run(engine.close())
    return {
        "name": "aggregation",
        "buckets": buckets,
        "records": ours.records,
        "duplicates": ours.duplicates,
        "us_per_record": round(min(times).wall / ours.records * 1e6, 2),
        "duckdb_us_per_record": round(min(peer_times).wall / ours.records * 1e6, 2),
        "times_duckdb": round(min(times).wall / min(peer_times).wall, 2),
        "goal_times": 1.5 if buckets == 1 else 1.2,
        **({"cpu_times_duckdb": round(min(times).cpu / min(peer_times).cpu, 2)} if buckets == 1 else {}),
        "same_figures": is_same(ours, theirs),
        "peak_mb": peaks[0],
        "goal_mb": _GOAL_MB,
    }


def fold_once(root: Path, name: str) -> dict[str, Any]:
    """Fold an hour once, and say what memory that takes."""
    started_s = time.process_time()
    with asyncio.Runner() as runner:
        found = build(runner, builder_of(root, LoopEngine(), "cache"), root)
    return {
        "name": name,
        "records": found.records,
        "vehicles": len(found.vehicles),
        "left_out": found.left_out,
        "cpu_s": round(time.process_time() - started_s, 2),
        "peak_mb": peak_mb(),
        "goal_mb": _GOAL_MB,
    }


def peak_mb() -> int:
    """Return the most memory that this process, or one that it waited for, has had."""
    return (
        max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        // 1024
    )


def builder_of(root: Path, engine: ClosingEngine, cache: str) -> Builder:
    fold = Fold(LocalStorage(root), LocalCache(root / cache, _CACHE), Concurrently())
    return Builder(fold, Concurrently(), engine)


def build(runner: asyncio.Runner, builder: Builder, root: Path) -> Aggregated:
    found: list[Aggregated] = []

    async def main() -> None:  # which returns nothing, because a runner writes a result out as text
        listing = Listing(await LocalStorage(root).list("raw/"), ())
        found.append((await builder.build(HOUR, listing)).aggregated)

    runner.run(main())
    return found[0]


def timed(action: Callable[[], R]) -> tuple[R, Seconds]:
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
