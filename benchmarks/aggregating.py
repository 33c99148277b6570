"""What an aggregator takes that runs on: for an hour as it comes, for a late object, and a round trip away.

These are questions of `benchmarks.aggregation`.
"""

import asyncio
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import data
from benchmarks.away import AwayStorage
from benchmarks.fleets import HOUR
from telemetry.adapters.cache.local import LocalCache
from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.local import LocalStorage
from telemetry.coordination.together import Concurrently
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, start_ms
from telemetry.domain.contract.partition import Partition
from telemetry.domain.contract.record import Record
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.certify import Certifier
from telemetry.domain.figures.evidence import Inquiry
from telemetry.domain.figures.filling import FillingTerms
from telemetry.domain.figures.fold import Fold
from telemetry.domain.figures.watch import Watch
from telemetry.domain.transport.lease import LeaseTerms

_CACHE: Final = 100_000_000_000
_LATE: Final = 100
_ROUND_TRIP_S: Final = 0.02
_OVER_MS: Final = start_ms(HOUR) + HOUR_MS
_RAW: Final = Partition("raw", HOUR).path


class Took(NamedTuple):
    """What looks took, in seconds."""

    wall: float
    cpu: float


class Running:
    """An aggregator that runs on, stepped from look to look."""

    def __init__(self, root: Path, cache: str, now_ms: int, terms: FillingTerms | None = None) -> None:
        self.clock = ManualClock(now_ms)
        self.storage, together = AwayStorage(LocalStorage(root)), Concurrently()
        queue = MemoryQueue(self.clock, LeaseTerms())
        self.builds = 0
        self.watch = Watch(self.storage, together, terms)
        fold = Fold(self.storage, LocalCache(root / cache, _CACHE), together)
        self.aggregator = Aggregator(
            self.storage,
            together,
            Certifier(self.storage, self.clock, Inquiry(self.storage, queue)),
            Builder(fold, together),
        )

    async def look(self) -> Took:
        """Look, and bring up to date what is due, as the role does; count what is built."""
        started_s, cpu_s = time.perf_counter(), time.process_time()
        await self.aggregator.look()
        look = await self.watch.look(self.clock.wall_ms())
        for found in look.due:
            self.builds += await self.aggregator.settle(found) is not None
            self.watch.settled(found.hour)
        await self.watch.tidy()
        for hour in self.aggregator.certifiable(look.unmarked, look.silent):
            await self.aggregator.certify(hour)
        return Took(time.perf_counter() - started_s, time.process_time() - cpu_s)


def late(root: Path) -> dict[str, Any]:
    """Add a late object of one vehicle to an hour that is over and aggregated, and look again."""

    async def measure() -> tuple[Took, Mapping[str, int]]:
        running = Running(root, "cache-late", _OVER_MS)
        await running.look()
        put_late(root)
        running.storage.requests = {}
        return await running.look(), running.storage.requests

    took, requests = asyncio.run(measure())
    return {"name": "late_object", "cpu_ms": round(took.cpu * 1000, 1), "goal_ms": 50, **requests}


def put_late(root: Path) -> None:
    line = min((root / _RAW).iterdir()).read_bytes().partition(b"\n")[0]
    first = codec.decode_line(line)
    made = [
        Record(first.timestamp_ms + number * 200 + 1, first.vehicle_id, first.can_id, first.payload, 0)
        for number in range(_LATE)
    ]
    (root / _RAW / "late.jsonl").write_bytes(codec.encode_lines(made))


def continuous(root: Path) -> dict[str, Any]:
    """Let the objects of an hour come one before each look; compare with an hour that is aggregated once."""
    objects = sorted((root / _RAW).iterdir())

    async def measure() -> tuple[Took, list[Took], int]:
        once = await Running(root, "cache-once", _OVER_MS).look()
        shutil.rmtree(root / "aggregated")
        waiting = root / "waiting"
        (root / _RAW).rename(waiting)
        (root / _RAW).mkdir()
        running = Running(root, "cache-steps", start_ms(HOUR))
        looks = []
        for number, each in enumerate(objects, start=1):
            (waiting / each.name).rename(root / _RAW / each.name)
            running.clock.advance(
                start_ms(HOUR) / 1000 + 3600 * number / len(objects) - running.clock.wall_ms() / 1000
            )
            looks.append(await running.look())
        return once, looks, running.builds

    once, looks, builds = asyncio.run(measure())
    cpu_s = sum(each.cpu for each in looks)
    return {
        "name": "continuous",
        "looks": len(looks),
        "builds": builds,
        "once_cpu_s": round(once.cpu, 2),
        "cpu_s": round(cpu_s, 2),
        "times_once": round(cpu_s / once.cpu, 2),
        "goal_times": 1.3,
        "ready_s": round(looks[-1].wall, 2),
        "goal_s": 2,
    }


def far(root: Path) -> dict[str, Any]:
    """Look after one new object at an hour of many in a store a round trip away, while it is open."""

    async def measure() -> tuple[Took, Took, Mapping[str, int]]:
        running = Running(root, "cache-far", data.START_MS, FillingTerms(longest_ms=0))  # builds at once
        running.storage.round_trip_s = _ROUND_TRIP_S
        cold = await running.look()
        put_late(root)
        running.storage.requests = {}
        return cold, await running.look(), running.storage.requests

    cold, after, requests = asyncio.run(measure())
    return {
        "name": "far_store",
        "objects": len(list((root / _RAW).iterdir())) - 1,
        "cold_s": round(cold.wall, 2),
        "one_new_object_s": round(after.wall, 2),
        "goal_s": 0.3,
        **requests,
    }
