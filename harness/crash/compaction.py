"""`python -m harness.crash.compaction FOLDER`: an hour is compacted, gets a late object, and is again.

Each time what was taken up is removed at once. It is there to be traced, as `workload` is.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

from harness.crash.workload import DATA, POLICY, TERMS, SayingStorage, records_of, say
from telemetry.adapters.cache.memory import MemoryCache
from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, hour_of
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.certify import Certifier
from telemetry.domain.figures.evidence import Inquiry
from telemetry.domain.figures.fold import Fold
from telemetry.domain.lake.compact import Compactor
from telemetry.domain.lake.forms import Forms
from telemetry.domain.lake.lines import LinesForm
from telemetry.domain.lake.moves import ManifestMoves
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.lake.tidy import Retention, Tidier
from telemetry.domain.store import objects

FORMS: Final = Forms(LinesForm())


async def main(root: Path) -> None:
    clock, storage = SystemClock(), SayingStorage(root / DATA)
    now_ms = clock.wall_ms()
    past_ms = now_ms // HOUR_MS * HOUR_MS - 5 * HOUR_MS
    shelf = Shelf(storage, FORMS)
    compactor, tidier = Compactor(shelf, clock), Tidier(shelf, clock, Retention(raw_ms=0, grace_ms=0))
    certifier = Certifier(storage, clock, Inquiry(storage, MemoryQueue(clock, TERMS)))
    fold = Fold(storage, MemoryCache(), moves=ManifestMoves(shelf))
    aggregator = Aggregator(storage, certifier=certifier, builder=Builder(fold))
    for number in range(2):
        records = records_of(number, past_ms, now_ms)
        lines = codec.encode_lines(records)
        await storage.put(objects.batch_key(POLICY.place(records[0]), now_ms + number, lines, "jsonl"), lines)
        say("send", lines.hex(), is_done=True)
        await aggregator.look()
        await aggregator.certify(hour_of(past_ms))
        assert await compactor.compact(hour_of(past_ms))
        assert (await tidier.tidy(hour_of(past_ms))).raw == 1


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
