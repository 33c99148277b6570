"""Use-case: look at what could not be processed, and let it be processed again.

Two places keep it: the quarantine, whose bodies could not be decoded, and the queue, whose dead letters were received
too often. A letter is named after where it lies: by the key of its object, or as `queue/<receipt>`.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

import msgspec

from telemetry.domain.contract.moment import instant
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectNotFoundError, Storage
from telemetry.domain.transport.queue import Queue

_QUEUE: Final = "queue/"
_MOST: Final = 10_000  # dead letters that are looked at; who has more has another problem


class Letter(msgspec.Struct, frozen=True):
    """A queue body that was put aside; `sent` is when it entered the queue. Letters of one name go together."""

    name: str
    sent: str
    receives: int
    reason: str
    body: bytes


class Recover:
    """The letters of one queue and one store."""

    def __init__(self, queue: Queue, storage: Storage) -> None:
        self._queue = queue
        self._storage = storage

    async def letters(self) -> AsyncIterator[Letter]:
        """Show all letters, those in quarantine first, the oldest first."""
        for entry in await self._storage.list(objects.QUARANTINE):
            for body in objects.read_quarantine(await self._storage.get(entry.key)):
                yield Letter(entry.key, body.sent_at, body.receives, body.reason, body.body)
        for delivery in await self._queue.dead(_MOST):
            reason = f"It was received {delivery.receives} times and never deleted."
            name = _QUEUE + delivery.receipt
            yield Letter(name, instant(delivery.sent), delivery.receives, reason, delivery.body)

    async def replay(self, names: Iterable[str]) -> Sequence[str]:
        """Send letters anew, durable there before removed here; return the names of which there is no letter."""
        return [name for name in names if not await self._replay(name)]

    async def _replay(self, name: str) -> bool:
        try:
            if name.startswith(_QUEUE):
                return not await self._queue.redrive([name.removeprefix(_QUEUE)])
            if not name.startswith(objects.QUARANTINE):
                return False
            bodies = [each.body for each in objects.read_quarantine(await self._storage.get(name))]
        except (ObjectNotFoundError, ValueError):  # no receipt, no such object, or no quarantine in it
            return False
        if await self._queue.send(bodies):
            return False
        await self._storage.delete(name)
        return True
