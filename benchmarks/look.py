"""How long an aggregator takes to find and to build an hour that one new object changed, a round trip away.

Run by `make bench`. The hour has 1,500 objects already. Each call to the store waits for a round trip, and a
listing for one for every thousand keys, as S3's pages do. `look_s` is the look alone. `cpu_s` is of both, as
others may use the machine. Then the comparison of everything: `compare_s` for 60 days of hours whose figures
are current, of which nothing is read.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from benchmarks import report
from benchmarks.away import AwayStorage
from telemetry.adapters.cache.memory import MemoryCache
from telemetry.adapters.clock import ManualClock
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.coordination.together import Concurrently
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_of, hour_path
from telemetry.domain.contract.record import Record
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.fold import Fold
from telemetry.domain.figures.watch import Watch
from telemetry.domain.store.storage import Storage

_NOW_MS: Final = 1_760_884_200_000
_GOAL_S: Final = 0.3
_HOURS: Final = 60 * 24


async def of_look(objects: int, round_trip_s: float) -> Mapping[str, Any]:
    """Fill an hour, build it, add one object, and measure what follows."""
    storage, together = AwayStorage(MemoryStorage(ManualClock(_NOW_MS))), Concurrently()
    watch, aggregator, hour = Watch(storage, together), _aggregator(storage, together), hour_of(_NOW_MS)
    for number in range(objects):
        await _put(storage, hour, number)
    await _settle(watch, aggregator)
    await _put(storage, hour, objects)
    storage.round_trip_s, storage.requests = round_trip_s, {}
    began, cpu = time.perf_counter(), time.process_time()
    look = await watch.look(_NOW_MS)
    looked = time.perf_counter()
    for found in look.due:
        await aggregator.settle(found)
        watch.settled(found.hour)
    await watch.tidy()
    return {
        "name": "look",
        "objects": objects,
        "round_trip_ms": round(round_trip_s * 1000),
        "look_s": round(looked - began, 3),
        "look_and_build_s": round(time.perf_counter() - began, 3),
        "cpu_s": round(time.process_time() - cpu, 3),
        **storage.requests,
        "goal_s": _GOAL_S,
    }


async def of_comparison(round_trip_s: float) -> Mapping[str, Any]:
    """Compare 60 days of hours of one object each, whose figures are current."""
    storage, together = AwayStorage(MemoryStorage(ManualClock(_NOW_MS))), Concurrently()
    for ago in range(_HOURS):
        await _put(storage, Hour(hour_of(_NOW_MS) - ago), 0)
    await _settle(Watch(storage, together), _aggregator(storage, together))
    storage.round_trip_s, storage.requests = round_trip_s, {}
    began = time.perf_counter()
    looks = await _settle(Watch(storage, together), _aggregator(storage, together))
    return {
        "name": "comparison",
        "hours": _HOURS,
        "round_trip_ms": round(round_trip_s * 1000),
        "compare_s": round(time.perf_counter() - began, 3),
        "looks": looks,
        **storage.requests,
    }


def _aggregator(storage: Storage, together: Concurrently) -> Aggregator:
    """Make an aggregator that keeps what it folded, as the role does."""
    fold = Fold(storage, MemoryCache(), together)
    return Aggregator(storage, together, builder=Builder(fold, together))


async def _settle(watch: Watch, aggregator: Aggregator) -> int:
    """Look until nothing is left to do; return how often."""
    looks, has_more = 0, True
    while has_more:
        look = await watch.look(_NOW_MS)
        for found in look.due:
            await aggregator.settle(found)
            watch.settled(found.hour)
        looks, has_more = looks + 1, look.has_more
    return looks


async def _put(storage: Storage, hour: Hour, number: int) -> None:
    ms = hour * HOUR_MS + number
    record = Record(ms, "veh-1", "0x1F0", {"battery_soc": 50.0}, ms)
    await storage.put(f"raw/{hour_path(hour)}/batch-{ms}-0.jsonl", codec.encode_lines([record]))


async def main() -> int:
    chosen = report.arguments(__doc__, objects=1500, rtt=20)
    answers = [await of_look(chosen.objects, chosen.rtt / 1000), await of_comparison(chosen.rtt / 1000)]
    return report.show(answers, chosen)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
