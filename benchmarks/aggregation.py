"""How fast an hour is aggregated, compared with DuckDB over the same files in the same run.

Run by `make bench`. One record in twenty is stored twice. Both have to return the same figures.
"""

import asyncio
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from benchmarks import data, report
from benchmarks.peers import duckdb_hour
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.contract.partition import Partition
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.hour import Aggregated

T = TypeVar("T")

_RECORDS_A_FILE: Final = 10_000
_TWICE: Final = 20


def main() -> int:
    chosen = report.arguments(__doc__, records=300_000, vehicles=100)
    made = data.records(chosen.records, chosen.vehicles)
    partition = Partition("raw", Hour(made[0].timestamp_ms // HOUR_MS))
    lines = codec.encode_lines([*made, *made[::_TWICE]]).splitlines(keepends=True)
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as root:
        folder = Path(root, partition.path)
        folder.mkdir(parents=True)
        for number, first in enumerate(range(0, len(lines), _RECORDS_A_FILE)):
            folder.joinpath(f"batch-{number}.jsonl").write_bytes(b"".join(lines[first:][:_RECORDS_A_FILE]))
        ours, duration_s = timed(lambda: aggregate(Path(root), partition.hour))
        theirs, peer_duration_s = timed(lambda: duckdb_hour.figures(folder))
    answer = {
        "name": "aggregation",
        "records": len(lines),
        "duplicates": ours.duplicates,
        "records_per_s": round(len(lines) / duration_s),
        "duckdb_records_per_s": round(len(lines) / peer_duration_s),
        "ratio": round(peer_duration_s / duration_s, 2),
        "same_figures": is_same(ours, theirs),
    }
    return report.show([answer], chosen) or int(not answer["same_figures"])


def aggregate(root: Path, hour: Hour) -> Aggregated:
    built = asyncio.run(Aggregator(LocalStorage(root)).build(hour))
    if built is None:
        raise RuntimeError("There is nothing in the hour.")
    return built.aggregated


def timed(action: Callable[[], T]) -> tuple[T, float]:
    """Return the result of an action, and the seconds that it took."""
    started_s = time.perf_counter()
    return action(), time.perf_counter() - started_s


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
