"""The queue in memory: the ledger itself, for tests and for trying things out; it dies with its process."""

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress

from telemetry.domain.clock import Clock
from telemetry.domain.transport.lease import Delivery, Depth, LeaseTerms, QueueModel


class MemoryQueue:
    """A queue whose senders and receivers share one event loop."""

    max_body = 1024 * 1024

    def __init__(self, clock: Clock, terms: LeaseTerms) -> None:
        self._clock = clock
        self._model = QueueModel(terms)
        self._changed = asyncio.Condition()

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        self._model.send(bodies, self._clock.wall_ms())
        await self._ring()
        return []

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while (
            not (deliveries := self._model.receive(limit, self._clock.wall_ms())) and loop.time() < deadline
        ):
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(deadline, loop.time() + self._next_end())), self._changed:
                    await self._changed.wait()
        return deliveries

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        return self._model.delete(handles, self._clock.wall_ms())

    async def extend(self, handles: Sequence[str], duration_s: float) -> Sequence[str]:
        refused = self._model.extend(handles, round(duration_s * 1000), self._clock.wall_ms())
        await self._ring()
        return refused

    async def depth(self) -> Depth:
        return self._model.depth(self._clock.wall_ms())

    async def dead(self, limit: int) -> Sequence[Delivery]:
        return self._model.dead(limit)

    async def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        refused = self._model.redrive(handles, self._clock.wall_ms())
        await self._ring()
        return refused

    async def close(self) -> None:
        pass

    async def _ring(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _next_end(self) -> float:
        """In how many seconds a lease may end, so that its message is there to be received again."""
        now = self._clock.wall_ms()
        end = self._model.next_visible(now)
        return math.inf if end is None else (end - now) / 1000
