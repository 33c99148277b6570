"""`python -m harness.crash.copying FOLDER`: a queue is copied while it is in use, and again to another file.

It is there to be traced, as `workload` is. A copy is promised to have each message that was sent before it.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

from harness.crash.workload import DATA, QUEUE, TERMS, SayingQueue, say
from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite.file import QueueFile

_SIZE: Final = 6000  # more than a page
_MOST: Final = 10**9  # bytes of the queue


async def main(root: Path) -> None:
    queue = SayingQueue(root / QUEUE, SystemClock(), TERMS, _MOST)
    sent = list[str]()
    for number in range(2):
        body, target = bytes([number]) * _SIZE, f"{DATA}/copy-{number}.db"
        await queue.send([body])
        sent.append(body.hex())
        name = " ".join([target, *sent])
        say("copy", name, is_done=False)
        QueueFile(root / QUEUE).copy(root / target)
        say("copy", name, is_done=True)
    await queue.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
