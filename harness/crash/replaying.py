"""`python -m harness.crash.replaying FOLDER`: bodies in quarantine are sent anew, and others are dismissed.

It is there to be traced, as `workload` is. What is promised are the bodies, once they are in quarantine.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

from harness.crash.workload import DATA, POLICY, QUEUE, TERMS, SayingQueue, SayingStorage, records_of, say
from telemetry.adapters.clock import SystemClock
from telemetry.domain.store import quarantine
from telemetry.domain.store.objects import QUARANTINE
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.recover import Recovery
from telemetry.domain.transport import envelope
from telemetry.domain.transport.lease import Delivery
from telemetry.domain.transport.parcel import Parcel

_MOST: Final = 10**9  # bytes of the queue


async def main(root: Path) -> None:
    clock, storage = SystemClock(), SayingStorage(root / DATA)
    queue = SayingQueue(root / QUEUE, clock, TERMS, _MOST)
    keys = [await _quarantine(storage, number, clock.wall_ms()) for number in range(3)]
    recovery = Recovery(queue, storage)
    assert not await recovery.replay(keys[:1])
    assert not await recovery.dismiss(keys[1:2])
    assert not await recovery.replay(keys[2:])
    await queue.close()


async def _quarantine(storage: SayingStorage, number: int, now_ms: int) -> str:
    """Put two bodies into quarantine, and return the key of their object."""
    records = records_of(number, now_ms, now_ms)
    bodies = [envelope.encode([Parcel.of(POLICY.place(each), [each])]) for each in records[:2]]
    lines = [
        QuarantinedBody.of(Delivery("", body, 1, now_ms), "It could not be decoded.", now_ms)
        for body in bodies
    ]
    key = f"{QUARANTINE}batch-{number}.jsonl"
    await storage.put(key, quarantine.encode(lines))
    for body in bodies:
        say("send", body.hex(), is_done=True)
    return key


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
