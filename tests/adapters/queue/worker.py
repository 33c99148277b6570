"""Processes that share an embedded queue, started by the tests: `python worker.py send|receive|hold FILE ...`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.lease import Terms

STOP = b"stop"
TERMS = Terms(visibility=30_000)


async def send(queue: SqliteQueue, name: str, count: str) -> None:
    """Send messages one by one, and print each once it is durable."""
    for number in range(int(count)):
        body = f"{name}-{number}"
        await queue.send([body.encode()])
        print(body, flush=True)  # noqa: T201  # is how the test hears of it


async def receive(queue: SqliteQueue) -> None:
    """Receive and delete messages until one says to stop, and print each; hand back what comes after it."""
    while True:
        deliveries = list(await queue.receive(3, 60))
        while deliveries:
            delivery = deliveries.pop(0)
            assert await queue.delete([delivery.receipt]) == []
            if delivery.body == STOP:
                await queue.extend([each.receipt for each in deliveries], 0)
                return
            print(delivery.body.decode(), delivery.receives, flush=True)  # noqa: T201  # as above


async def hold(queue: SqliteQueue) -> None:
    """Receive one message, print it, and keep it."""
    (delivery,) = await queue.receive(1, 60)
    print(delivery.body.decode(), flush=True)  # noqa: T201  # as above
    await asyncio.sleep(3600)


ROLES: Final[dict[str, Callable[..., Awaitable[None]]]] = {"send": send, "receive": receive, "hold": hold}


async def main(role: str, path: str, *arguments: str) -> None:
    queue = SqliteQueue(Path(path), SystemClock(), TERMS, max_size=10**9)
    try:
        await ROLES[role](queue, *arguments)
    finally:
        await queue.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
