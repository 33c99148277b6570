"""How much faster two workers of a cluster fold hours than one does, with the same bytes.

Run by `make bench-dask`. Hours are folded cold: the cache is another one each time.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks import data, report
from benchmarks.aggregation import builder_of
from benchmarks.fleets import store
from telemetry.adapters.dask import DaskEngine
from telemetry.adapters.storage.local import LocalStorage
from telemetry.coordination.engine import ClosingEngine, LoopEngine
from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_of
from telemetry.domain.figures.hour import Listing
from telemetry.entrypoints.process import runtime

_HOURS: Final = 4
_BUCKETS: Final = 4
_OBJECTS: Final = 50  # a bucket


def main() -> int:
    chosen = report.arguments(__doc__, records=1_000_000, vehicles=500)
    made = data.records(chosen.records, chosen.vehicles)
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder:
        root = Path(folder)
        hours = []
        for hour in range(_HOURS):
            moved = [
                msgspec.structs.replace(
                    each,
                    timestamp_ms=each.timestamp_ms - hour * HOUR_MS,
                    received_ms=each.received_ms - hour * HOUR_MS,
                )
                for each in made
            ]
            store(root / str(hour), moved, _OBJECTS, _BUCKETS)
            hours.append(hour_of(moved[0].timestamp_ms))
        here, expected = timed(LoopEngine(), root, hours, "here")
        rows = [folded(root, hours, workers, expected) for workers in (1, 2)]
    ratio = round(rows[0]["seconds"] / rows[1]["seconds"], 2)
    answers = [
        {"name": "cluster", "workers": 0, "seconds": here},
        *rows,
        {"name": "two_to_one", "ratio": ratio},
    ]
    return report.show(answers, chosen) or int(not all(each.get("same_bytes", True) for each in answers))


def folded(root: Path, hours: Sequence[Hour], workers: int, expected: Sequence[bytes]) -> dict[str, Any]:
    """Fold all hours by so many workers."""
    with cluster(workers) as address:
        warm(address)
        seconds, found = timed(DaskEngine(address), root, hours, f"workers-{workers}")
    return {"name": "cluster", "workers": workers, "seconds": seconds, "same_bytes": found == expected}


def timed(engine: ClosingEngine, root: Path, hours: Sequence[Hour], cache: str) -> tuple[float, list[bytes]]:
    """Fold all hours together; return how long it took, and the figures."""

    async def fold() -> list[bytes]:
        found = await asyncio.gather(*(figures(root / str(at), hour) for at, hour in enumerate(hours)))
        await engine.close()
        return found

    async def figures(folder: Path, hour: Hour) -> bytes:
        listing = Listing(await LocalStorage(folder).list("raw/"), ())
        built = await builder_of(folder, engine, cache).build(hour, listing)
        return msgspec.json.encode(built.aggregated)

    started_s = time.perf_counter()
    found = asyncio.run(fold())
    return round(time.perf_counter() - started_s, 2), found


def warm(address: str) -> None:
    """Have every worker import what jobs need."""

    async def run() -> None:
        engine = DaskEngine(address)
        await asyncio.gather(*(engine(nothing) for _ in range(8)))
        await engine.close()

    asyncio.run(run())


async def nothing() -> None:
    await asyncio.sleep(0.1)


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """Start a scheduler and workers with one thread each."""
    host, port = "127.0.0.1", str(runtime.free_port())
    address = f"tcp://{host}:{port}"
    commands = [["scheduler", "--host", host, "--port", port, "--no-dashboard"]]
    commands += [
        ["worker", address, "--host", host, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
        for _ in range(workers)
    ]
    started = [
        subprocess.Popen([sys.executable, "-m", "dask", *each], stderr=subprocess.DEVNULL)  # noqa: S603  # Dask itself
        for each in commands
    ]
    try:
        yield address
    finally:
        for each in started:
            each.kill()
            each.wait()


if __name__ == "__main__":
    sys.exit(main())
