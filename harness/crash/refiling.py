"""`python -m harness.crash.refiling FOLDER`: records not believed before are filed anew by `skewed refile`.

Of the first object all are believed now, of the second some stay. It is there to be traced, as `workload` is.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.crash.workload import DATA, POLICY, SayingStorage, records_of, say
from telemetry.adapters.clock import SystemClock
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Span
from telemetry.domain.contract.record import Record
from telemetry.domain.store import objects
from telemetry.domain.store.refile import SkewedTree

OFFSET_MS: Final = 30 * 24 * HOUR_MS
"""How much later the records were received than the receiver's clock said."""


async def main(root: Path) -> None:
    storage, now_ms = SayingStorage(root / DATA), SystemClock().wall_ms()
    then_ms = now_ms - OFFSET_MS
    await _store(storage, records_of(0, now_ms, then_ms))
    far = records_of(2, now_ms + OFFSET_MS, then_ms + HOUR_MS)
    await _store(storage, [*records_of(1, now_ms - 5 * HOUR_MS, then_ms + HOUR_MS), *far])
    left = [each.left async for each in SkewedTree(storage, POLICY).refile(Span(), OFFSET_MS, now_ms)]
    assert left == [0, len(far)]
    say("refile", "", is_done=True)


async def _store(storage: SayingStorage, records: Sequence[Record]) -> None:
    """Store records as a consumer does that does not believe them."""
    place, lines = POLICY.place(records[0]), codec.encode_lines(records)
    assert place.tree == "skewed"
    await storage.put(objects.batch_key(place, records[0].received_ms, lines, "jsonl"), lines)
    say("send", lines.hex(), is_done=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
