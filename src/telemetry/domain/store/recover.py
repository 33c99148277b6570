"""Use-case: look at what could not be processed, and let it be processed again.

Two places keep it. Quarantined bodies, which could not be decoded, are in the store; each is named by the key
of its object. Dead letters, which were received too often, are in the queue; each is named `queue/<lease
handle>`.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

import msgspec

from telemetry.domain.contract.moment import format_timestamp
from telemetry.domain.store import quarantine
from telemetry.domain.store.objects import DISMISSED, QUARANTINE
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.storage import ObjectNotFoundError, Storage
from telemetry.domain.transport.queue import Queue

_QUEUE: Final = "queue/"
_MOST: Final = 10_000  # dead letters that are looked at


class SetAside(msgspec.Struct, frozen=True):
    """A dead letter or a quarantined body; `sent` is when it entered the queue.

    Quarantined bodies of one object have one name, and are replayed together.
    """

    name: str
    sent: str
    receives: int
    reason: str
    body: bytes


class Recovery:
    """What one queue and one store have set aside."""

    def __init__(self, queue: Queue, storage: Storage) -> None:
        self._queue = queue
        self._storage = storage

    async def items(self) -> AsyncIterator[SetAside]:
        """Yield quarantined bodies first, then dead letters, the oldest first."""
        for info in await self._storage.list(QUARANTINE):
            for body in await self._quarantined(info.key):
                yield SetAside(info.key, body.sent_at, body.receives, body.reason, body.body)
        for delivery in await self._queue.dead(_MOST):
            reason = f"It was received {delivery.receives} times and never deleted."
            sent = format_timestamp(delivery.sent_ms)
            yield SetAside(_QUEUE + delivery.handle, sent, delivery.receives, reason, delivery.body)

    async def replay(self, names: Iterable[str]) -> Sequence[str]:
        """Send anew what bears these names, durable there before removed here.

        Return the names of nothing.
        """
        return [name for name in names if not await self._replay(name)]

    async def dismiss(self, names: Iterable[str]) -> Sequence[str]:
        """Move quarantined bodies that nobody will decode to the tree `dismissed/`, where they are kept.

        Return the names that belong to none.
        """
        return [name for name in names if not await self._dismiss(name)]

    async def _dismiss(self, name: str) -> bool:
        if not name.startswith(QUARANTINE):
            return False
        try:
            data = await self._storage.get(name)
        except ObjectNotFoundError:
            return False
        await self._storage.put(DISMISSED + name.removeprefix(QUARANTINE), data)
        await self._storage.delete(name)
        return True

    async def _replay(self, name: str) -> bool:
        try:
            if name.startswith(_QUEUE):
                return not await self._queue.redrive([name.removeprefix(_QUEUE)])
            if not name.startswith(QUARANTINE):
                return False
            bodies = [each.body for each in await self._quarantined(name)]
        except (ObjectNotFoundError, ValueError):  # no lease handle, no such object, or no quarantine in it
            return False
        if await self._queue.send(bodies):
            return False
        await self._storage.delete(name)
        return True

    async def _quarantined(self, key: str) -> Sequence[QuarantinedBody]:
        return quarantine.decode(await self._storage.get(key))
