"""A queue to be tested, and how time passes for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from telemetry.domain.clock import Clock
from telemetry.domain.transport.lease import Delivery, LeaseTerms
from telemetry.domain.transport.queue import Queue


class TimedQueue(msgspec.Struct, frozen=True):
    """A queue, its clock, and its terms."""

    queue: Queue
    clock: Clock
    terms: LeaseTerms
    let_pass: Callable[[float], Awaitable[None]]
    """Let a share of the visibility timeout pass, on a clock by hand or by waiting for real."""
    jump: Callable[[float], None]
    """Set the wall clock of this machine forward by so many seconds, or back."""

    async def make_dead(self, *bodies: bytes) -> Sequence[Delivery]:
        """Send bodies one after the other and lease each as often as one may; return them as dead letters."""
        for body in bodies:
            await self.queue.send([body])
            for _ in range(self.terms.max_receives):
                await self.queue.extend([(await lease(self.queue)).handle], self.terms.visibility_ms / 1000)
                await self.let_pass(1.1)
            assert await self.queue.receive(1, 0) == []
        return await self.queue.dead(10)


def handles_of(deliveries: Sequence[Delivery]) -> list[str]:
    """Return the lease handles of deliveries."""
    return [delivery.handle for delivery in deliveries]


async def lease(queue: Queue) -> Delivery:
    """Lease one message."""
    (delivery,) = await queue.receive(1, 5)
    return delivery


async def start_receive(queue: Queue) -> "asyncio.Task[Sequence[Delivery]]":
    """Start a receive, and let it come to the point where it waits."""
    waiting = asyncio.create_task(queue.receive(1, 10))
    await asyncio.sleep(0.02)
    return waiting


async def duration_of(*work: Awaitable[object]) -> float:
    """Return how many seconds work takes that is done at once."""
    started = time.monotonic()
    await asyncio.gather(*work)
    return time.monotonic() - started
