"""A queue to be tested, how time passes for it, and what several of its laws begin with."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock, SystemClock
from telemetry.domain.clock import Clock
from telemetry.domain.transport.lease import Delivery, LeaseTerms
from telemetry.domain.transport.queue import Queue


class Trial(msgspec.Struct, frozen=True):
    """An empty queue, the clock by which it says when a message was sent, and its terms."""

    queue: Queue
    clock: Clock
    terms: LeaseTerms
    let_pass: Callable[[float], Awaitable[None]]
    """Let a share of the visibility timeout pass, on a clock by hand or by waiting for real."""
    jump: Callable[[float], None]
    """Set the wall clock of this machine forward by so many seconds, or back."""

    @classmethod
    def by_hand(cls, queue: Queue, clock: ManualClock, terms: LeaseTerms) -> "Trial":
        """Try a queue whose leases are measured by a clock that is moved by hand."""

        async def let_pass(share: float) -> None:
            clock.advance(share * terms.visibility_ms / 1000)

        return cls(queue, clock, terms, let_pass, clock.jump)

    @classmethod
    def by_waiting(cls, queue: Queue, terms: LeaseTerms, monkeypatch: pytest.MonkeyPatch) -> "Trial":
        """Try a queue whose leases a service measures.

        So its terms have to be short, and yet longer than a slow machine takes for a few calls: 2 seconds.
        """

        async def let_pass(share: float) -> None:
            await asyncio.sleep(share * terms.visibility_ms / 1000)

        return cls(queue, SystemClock(), terms, let_pass, lambda by_s: set_wall_clock(by_s, monkeypatch))

    async def make_dead(self, *bodies: bytes) -> Sequence[Delivery]:
        """Send bodies one after the other and lease each as often as one may; return them as dead letters."""
        for body in bodies:
            await self.queue.send([body])
            for _ in range(self.terms.max_receives):
                await self.queue.extend([(await lease(self.queue)).handle], self.terms.visibility_ms / 1000)
                await self.let_pass(1.1)
            assert await self.queue.receive(1, 0) == []
        return await self.queue.dead(10)


class Suite:
    """Tests of one trial each, which a fixture `trial` gives; they run on one event loop, that of asyncio."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"


def set_wall_clock(by_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process see another time than it is, whoever asks."""
    seconds, nanoseconds = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: seconds() + by_s)
    monkeypatch.setattr(time, "time_ns", lambda: nanoseconds() + round(by_s * 1e9))


def bodies_of(deliveries: Sequence[Delivery]) -> list[bytes]:
    """Return the bodies of deliveries."""
    return [delivery.body for delivery in deliveries]


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
