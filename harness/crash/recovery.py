"""`python -m harness.crash.recovery FOLDER`: a queue is damaged, and what can be read of it is saved.

It is there to be traced, as `workload` is. What is promised are the bodies that can be read after the damage.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from harness.crash.workload import QUEUE, TERMS, say
from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue, salvage
from telemetry.adapters.queue.sqlite.file import QueueFile
from telemetry.adapters.queue.sqlite.pages import Pages
from telemetry.adapters.queue.sqlite.recover import Recovery

_BODIES: Final = 6
_SIZE: Final = 6000  # more than a page, so that damage to one page is not damage to all
_PAGE: Final = 4096
_MOST: Final = 10**9  # bytes of the queue


async def main(root: Path) -> None:
    path, clock = root / QUEUE, SystemClock()
    queue = SqliteQueue(path, clock, TERMS, _MOST)
    for number in range(_BODIES):
        await queue.send([bytes([number]) * _SIZE])
    await queue.close()
    _damage(path)
    with Pages(path) as pages:
        whole = [each.body for each in salvage.messages(pages, clock.wall_ms()) if each.is_whole]
    assert 0 < len(whole) < _BODIES
    for body in whole:
        say("send", body.hex(), is_done=True)
    Recovery(QueueFile(path), clock.wall_ms()).recover(lambda _: None)
    say("recover", "", is_done=True)


def _damage(path: Path) -> None:
    """Overwrite the last page, which has the rest of a body, and make that durable."""
    with path.open("r+b") as file:
        file.seek(-_PAGE, os.SEEK_END)
        file.write(os.urandom(_PAGE))
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
