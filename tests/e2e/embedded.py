"""The embedded queue of a pipeline, as a test reaches it beside the roles."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.transport.lease import Depth, LeaseTerms


def send(data: Path, terms: LeaseTerms, bodies: Sequence[bytes]) -> None:
    """Send bodies to the queue of a data directory."""

    async def run() -> None:
        queue = SqliteQueue(data / "queue.db", SystemClock(), terms, 10**9)
        await queue.send(bodies)
        await queue.close()

    asyncio.run(run())


def depth(data: Path, terms: LeaseTerms) -> Depth:
    """Count what the queue of a data directory holds."""

    async def run() -> Depth:
        queue = SqliteQueue(data / "queue.db", SystemClock(), terms, 10**9)
        found = await queue.depth()
        await queue.close()
        return found

    return asyncio.run(run())
