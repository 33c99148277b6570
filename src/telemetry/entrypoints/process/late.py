"""Opens a queue or a store once it is asked for, in a thread, for roles that do not depend on it."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from telemetry.domain.store.storage import ObjectInfo, Storage
from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.outlook import Outlook
from telemetry.domain.transport.queue import Queue, QueueUnavailableError


class LateLookout:
    """What a queue holds that others use. `file` is that of the embedded queue, and None of others."""

    def __init__(self, make: Callable[[], Queue], file: Path | None, *, is_private: bool = False) -> None:
        """Say that a queue `is_private` if no other process can see it."""
        self._make = make
        self._file = file
        self._is_private = is_private
        self._queue: Queue | None = None

    async def outlook(self) -> Outlook:
        """Say of which hours the queue holds messages. Raise QueueUnavailableError if there is none."""
        return await (await self._opened()).outlook()

    async def depth(self) -> Depth:
        """Count what the queue holds. Raise QueueUnavailableError if there is none."""
        return await (await self._opened()).depth()

    async def oldest_ms(self) -> int | None:
        """Return when the oldest message that is not dead was sent. Raise QueueUnavailableError."""
        return await (await self._opened()).oldest_ms()

    async def close(self) -> None:
        if self._queue:
            await self._queue.close()

    async def _opened(self) -> Queue:
        """Open the queue. Raise QueueUnavailableError if there is none: it is not made here."""
        if self._is_private:
            raise QueueUnavailableError("QUEUE_BACKEND=memory: such a queue is seen by its own process alone")
        if self._file and not self._file.exists():
            raise QueueUnavailableError(f"{self._file}: there is no queue here (DATA_DIR, QUEUE_BACKEND)")
        if self._queue is None:
            self._queue = await asyncio.to_thread(self._make)
        return self._queue


class LateStorage:
    """A store that is only read."""

    def __init__(self, make: Callable[[], Storage]) -> None:
        self._make = make
        self._storage: Storage | None = None

    async def get(self, key: str) -> bytes:
        """Read a whole object. Raise ObjectNotFoundError or StoreUnavailableError."""
        return await (await self._opened()).get(key)

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        """List objects. Raise StoreUnavailableError."""
        return await (await self._opened()).list(prefix)

    async def close(self) -> None:
        if self._storage:
            await self._storage.close()

    async def _opened(self) -> Storage:
        if self._storage is None:
            self._storage = await asyncio.to_thread(self._make)
        return self._storage
