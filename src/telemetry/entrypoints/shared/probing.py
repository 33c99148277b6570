"""Sends a receiver's canary records, looks for them in the store, and removes what is long counted."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

from telemetry.domain.clock import Clock
from telemetry.domain.errors import TelemetryError
from telemetry.domain.store import objects
from telemetry.domain.store.objects import LineFaults
from telemetry.domain.store.storage import ObjectInfo, Storage
from telemetry.domain.transport.queue import Outbox, Queue, QueueUnavailableError
from telemetry.domain.watch.canary import PLACE, Canary, CanaryReport

CANARY: Final = "TELEMETRY_CANARY"
"""The environment variable by which workers know that they have a canary."""

_SEND_EVERY_S: Final = 1.0
_LOOK_EVERY_S: Final = 5.0
_REMOVE_AFTER_MS: Final = 600_000


class CanaryMetrics(Protocol):
    """Whoever shows what became of the records."""

    def canary(self, report: CanaryReport) -> None:
        """Note the proof line of a canary."""
        ...


class Probing:
    """A canary and what it needs: the outbox it sends to, the queue and the store it looks into."""

    def __init__(
        self, outbox: Outbox, queue: Queue, storage: Storage, metrics: CanaryMetrics, clock: Clock
    ) -> None:
        self._outbox = outbox
        self._queue = queue
        self._storage = storage
        self._metrics = metrics
        self._clock = clock
        self._canary = Canary(f"canary-{secrets.token_hex(8)}")
        self._read: set[str] = set()

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Send and look while the context lasts."""
        tasks = [asyncio.create_task(self._send_on()), asyncio.create_task(self._look_on())]
        try:
            yield
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def send(self) -> None:
        """Send one record; one that the queue does not take was not accepted."""
        now_ms = self._clock.wall_ms()
        with suppress(QueueUnavailableError):
            await self._outbox.send([self._canary.make(now_ms)])
            self._canary.accepted(now_ms)

    async def look(self) -> None:
        """Read the objects that are new, and tell what became of the records."""
        oldest_ms = await self._oldest_ms()  # before the store, so that what left the queue is in it
        with suppress(TelemetryError):
            listed = await self._storage.list(f"{PLACE.tree}/")
            for info in listed:
                if info.key not in self._read:
                    await self._count(info)
            self._read &= {info.key for info in listed}
            await self._remove(listed)
        self._metrics.canary(self._canary.report(self._clock.wall_ms(), oldest_ms))

    async def _oldest_ms(self) -> int | None:
        """Return when the oldest message was sent; long ago if the queue cannot be asked."""
        try:
            return await self._queue.oldest_ms()
        except QueueUnavailableError:
            return 0

    async def _count(self, info: ObjectInfo) -> None:
        lines = objects.decode_object(info.key, await self._storage.get(info.key))
        self._canary.found(
            (record for _, record in objects.decode_records(lines, LineFaults())), info.stored_ms
        )
        self._read.add(info.key)

    async def _remove(self, listed: Sequence[ObjectInfo]) -> None:
        for info in listed:
            if self._clock.wall_ms() - info.stored_ms > _REMOVE_AFTER_MS:
                await self._storage.delete(info.key)

    async def _send_on(self) -> None:
        while True:
            await self.send()
            await asyncio.sleep(_SEND_EVERY_S)

    async def _look_on(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_EVERY_S)
