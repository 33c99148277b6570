"""The queue in memory: the model itself, for tests and for trying things out; it is lost with its process."""

import asyncio
import logging
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from telemetry.domain.clock import Clock, lease_ms
from telemetry.domain.transport import envelope, outlook
from telemetry.domain.transport.lease import BURIED, Delivery, Depth, LeaseTerms
from telemetry.domain.transport.model import QueueModel
from telemetry.domain.transport.outlook import Outlook, Waiting

_log: Final = logging.getLogger(__name__)


class MemoryQueue:
    """A queue whose senders and receivers share one event loop."""

    max_body = 1024 * 1024

    def __init__(self, clock: Clock, terms: LeaseTerms) -> None:
        self._clock = clock
        self._terms = terms
        self._model = QueueModel(terms)
        self._changed = asyncio.Condition()

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        self._model.send(bodies, self._clock.wall_ms())
        await self._notify()
        return []

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + wait_s
        while not (deliveries := self._lease(limit)) and loop.time() < deadline_s:
            wake_s = min(deadline_s, loop.time() + self._next_end_s())
            with suppress(TimeoutError):
                async with asyncio.timeout_at(wake_s), self._changed:
                    await self._changed.wait()
        return deliveries

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        refused = self._model.delete(handles, lease_ms(self._clock))
        await self._notify()  # since the last suspect may be gone, for which the next one waits
        return refused

    async def extend(self, handles: Sequence[str], duration_s: float) -> Sequence[str]:
        refused = self._model.extend(handles, round(duration_s * 1000), lease_ms(self._clock))
        await self._notify()
        return refused

    async def acquit(self, handles: Sequence[str]) -> Sequence[str]:
        refused = self._model.acquit(handles, lease_ms(self._clock))
        await self._notify()
        return refused

    async def depth(self) -> Depth:
        return self._model.depth(lease_ms(self._clock))

    async def outlook(self) -> Outlook:
        return outlook.of(
            Waiting(outlook.hour_of_body(body[: envelope.HEAD]), sent_ms, state)
            for body, sent_ms, state in self._model.messages(lease_ms(self._clock))
        )

    async def oldest_ms(self) -> int | None:
        messages = self._model.messages(lease_ms(self._clock))
        return min((sent_ms for _, sent_ms, state in messages if state != "dead"), default=None)

    async def dead(self, limit: int) -> Sequence[Delivery]:
        self._bury()
        return self._model.dead(limit, lease_ms(self._clock))

    async def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        refused = self._model.redrive(handles)
        await self._notify()
        return refused

    async def close(self) -> None:
        pass

    def _lease(self, limit: int) -> Sequence[Delivery]:
        self._bury()
        return self._model.receive(limit, lease_ms(self._clock))

    def _bury(self) -> None:
        if buried := self._model.bury(lease_ms(self._clock)):
            _log.warning(BURIED, buried, self._terms.max_receives)

    async def _notify(self) -> None:
        """Wake all receivers that wait."""
        async with self._changed:
            self._changed.notify_all()

    def _next_end_s(self) -> float:
        """Return in how many seconds the next lease ends, so that its message can be received again."""
        now_ms = lease_ms(self._clock)
        end_ms = self._model.next_ready(now_ms)
        return math.inf if end_ms is None else (end_ms - now_ms) / 1000
