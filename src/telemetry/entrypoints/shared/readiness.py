"""Whether a receiver can take records now: what its queue, its disk and its last send say."""

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from telemetry.adapters.http.health import LastSend, Readiness
from telemetry.domain.clock import Clock
from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.queue import Queue, QueueUnavailableError
from telemetry.entrypoints.process import heartbeat

_FORGET_AFTER_S: Final = 60.0
"""When a failed send is forgotten, so that a load balancer that sends nothing meanwhile tries again."""
_SEEN_WITHIN_S: Final = 60.0
_ASK_EVERY_S: Final = 5.0


class ReceiverProbe:
    """Looks at the queue of one process. `file` is that of the embedded queue, and None of others."""

    def __init__(self, queue: Queue, last_send: LastSend, clock: Clock, file: Path | None) -> None:
        self._queue = queue
        self._last_send = last_send
        self._clock = clock
        self._file = file
        self._waiting: tuple[Depth | None, float | None] = None, None
        self._ask_again_s = 0.0

    async def readiness(self, *, in_detail: bool) -> Readiness | None:
        """Return how much waits, if it is asked for.

        Raise QueueUnavailableError if records cannot be taken.
        """
        if self._file:
            # It is refused wherever records would be, and takes a writer's lock.
            await self._queue.send([])
            await asyncio.to_thread(_check_access, self._file)
        depth = await self._queue.depth() if in_detail or not self._file else None
        failed_s = self._last_send.failed_s
        if failed_s is not None and self._clock.monotonic_s() - failed_s < _FORGET_AFTER_S:
            raise QueueUnavailableError("The last send to the queue failed.")
        if not in_detail or depth is None:
            return None
        consumer = await asyncio.to_thread(_consumer, self._file.parent) if self._file else None
        return Readiness(depth.ready, depth.leased, depth.dead, consumer)

    async def waiting(self) -> tuple[Depth | None, float | None]:
        """Return what the queue holds and the oldest age; ask only once in a few seconds: SQS bills it."""
        if self._clock.monotonic_s() >= self._ask_again_s:
            self._ask_again_s = self._clock.monotonic_s() + _ASK_EVERY_S
            try:
                self._waiting = await self._queue.depth(), await self._oldest_s()
            except QueueUnavailableError:
                self._waiting = None, None
        return self._waiting

    async def _oldest_s(self) -> float | None:
        sent_ms = await self._queue.oldest_ms()
        return None if sent_ms is None else max(0, self._clock.wall_ms() - sent_ms) / 1000


def _check_access(file: Path) -> None:
    """Raise QueueUnavailableError if a process that starts now could not write the file."""
    if not os.access(file, os.W_OK) or not os.access(file.parent, os.W_OK):
        raise QueueUnavailableError(f"{file} cannot be written.")


def _consumer(data_dir: Path) -> Literal["seen", "not seen"]:
    """Say whether a consumer was seen within a minute, here or on a host that shares the folder."""
    with suppress(OSError):  # one that ends removes its file
        list(heartbeat.signs(data_dir, "consumer"))  # which forgets those of this host that were killed
    for file in (data_dir / heartbeat.FOLDER).glob("consumer@*"):
        with suppress(OSError):
            if time.time() - file.stat().st_mtime < _SEEN_WITHIN_S:
                return "seen"
    return "not seen"
