"""How small a compacted hour is, what compacting it takes, and how fast it is folded, beside DuckDB.

Run by `make bench-lake`. The records are those of simulated vehicles at 5 Hz. Each step runs in a process of
its own, so that its peak of memory is its own. Ours is folded from what the compaction added up, and from its
records, as when that is lost. DuckDB folds the same records from JSONL, with de-duplication, on as many
threads as there are cores, and on one.
"""

import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks import aggregation, data, fleets, report
from benchmarks.peers import duckdb_hour, duckdb_lake
from telemetry.adapters.cache.local import LocalCache
from telemetry.adapters.clock import SystemClock
from telemetry.adapters.lake.parquet import ParquetForm
from telemetry.adapters.storage.local import LocalStorage
from telemetry.coordination.together import Concurrently
from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.fold import Fold
from telemetry.domain.figures.hour import Aggregated, Listing
from telemetry.domain.figures.moved import Moved
from telemetry.domain.lake.compact import Compactor
from telemetry.domain.lake.forms import Forms
from telemetry.domain.lake.lines import LinesForm
from telemetry.domain.lake.moves import ManifestMoves
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.store import objects

_HOUR: Final = Hour(data.START_MS // HOUR_MS)
_TURNS: Final = 3
_OBJECTS: Final = 100
_TWICE: Final = 20
_CACHE: Final = 100_000_000_000
_PARQUET: Final = Forms(ParquetForm(), LinesForm())
_LINES: Final = Forms(LinesForm(), ParquetForm())


def main() -> int:
    chosen = report.arguments(__doc__, records=2_000_000, vehicles=500)
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as root:
        at = Path(root)
        alone(fill, at, chosen.records, chosen.vehicles)
        answers = [
            alone(compact, at, "parquet"),
            *(alone(fold, at, threads) for threads in (0, 1)),
            alone(compact, at, "jsonl.zst"),
        ]
    return report.show(answers, chosen) or int(not all(each.get("same_figures", True) for each in answers))


def alone(step: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    """Run a step in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(step, arguments)


def fill(root: Path, records: int, vehicles: int) -> dict[str, Any]:
    """Store an hour as consumers do, with one record in twenty twice, and certify it."""
    made = data.records(records * _TWICE // (_TWICE + 1), vehicles)
    fleets.store(root, [*made, *made[::_TWICE]], _OBJECTS)
    file = root / objects.aggregated_key(_HOUR)
    file.parent.mkdir(parents=True)
    file.write_bytes(msgspec.json.encode({"certificate": {"state": "complete"}}))
    return {}


def compact(root: Path, form: str) -> dict[str, Any]:
    """Compact the hour; say how many times smaller it is than its lines."""
    shelf = Shelf(LocalStorage(root), _PARQUET if form == "parquet" else _LINES)
    for file in (root / "compacted").rglob("*.*"):
        file.unlink()
    started, cpu = time.perf_counter(), time.process_time()
    made = asyncio.run(Compactor(shelf, SystemClock(), Concurrently()).compact(_HOUR))
    assert made  # noqa: S101  # the hour is complete
    assert made.manifest  # noqa: S101  # and nobody else compacts it
    lines = made.manifest.records
    return {
        "name": "compact",
        "form": form,
        "records": lines,
        "unique": made.manifest.unique,
        "objects": len(made.manifest.contents),
        "sums_bytes": made.manifest.sums.size if made.manifest.sums else 0,
        "bytes_per_record": round(made.written / lines, 2),
        "times_smaller": round(made.read / made.written, 1),
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_us_per_record": round((time.process_time() - cpu) / lines * 1e6, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def fold(root: Path, threads: int) -> dict[str, Any]:
    """Fold the compacted hour, of which nothing is cached, beside DuckDB over the lines."""
    peer_times, near_times = [], []
    with asyncio.Runner() as runner:
        ours, time_s = best(runner, root, ManifestMoves)
        from_records, records_s = best(runner, root, Unsummed)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        for _ in range(_TURNS):
            theirs, peer_s = aggregation.timed(lambda: duckdb_hour.figures(root / "raw", threads or None))
            peer_times.append(peer_s.wall)
            same, near_s = aggregation.timed(lambda: duckdb_lake.figures(root / "compacted", threads or None))
            near_times.append(near_s.wall)
    return {
        "name": "fold_compacted",
        "duckdb_threads": threads or "all",
        "records": ours.records,
        "duplicates": ours.duplicates,
        "seconds": round(time_s, 3),
        "from_records_seconds": round(records_s, 3),
        "duckdb_jsonl_seconds": round(min(peer_times), 3),
        "duckdb_compacted_seconds": round(min(near_times), 3),
        "times_faster": round(min(peer_times) / time_s, 1),
        "duckdb_times_faster": round(min(peer_times) / min(near_times), 1),
        "same_figures": ours == from_records
        and aggregation.is_same(ours, theirs)
        and aggregation.is_same(ours, same),
        "peak_mb": peak,
    }


class Unsummed(ManifestMoves):
    """Manifests as if what their records add up to were lost."""

    async def of(self, hour: Hour) -> Moved | None:
        found = await super().of(hour)
        return found and msgspec.structs.replace(found, summed=None)


def best(runner: asyncio.Runner, root: Path, moves: type[ManifestMoves]) -> tuple[Aggregated, float]:
    """Fold the hour some times; return its figures, and the seconds of the fastest time."""
    times = []
    for _ in range(_TURNS):
        with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as cache:
            found, took = aggregation.timed(lambda at=cache: runner.run(folded(root, Path(at), moves)))  # type: ignore[misc]
        times.append(took.wall)
    return found, min(times)


async def folded(root: Path, cache: Path, moves_of: type[ManifestMoves]) -> Aggregated:
    """Fold the hour as if its raw objects were gone."""
    storage = LocalStorage(root)
    moves = moves_of(Shelf(storage, _PARQUET))
    builder = Builder(Fold(storage, LocalCache(cache, _CACHE), Concurrently(), moves=moves))
    listing = await builder.whole(_HOUR, Listing((), ()))
    return (await builder.build(_HOUR, listing)).aggregated


if __name__ == "__main__":
    sys.exit(main())
