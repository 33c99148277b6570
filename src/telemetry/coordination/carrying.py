"""A consumer at work: it receives, writes, deletes and renews at the same time, each within a bound."""

import asyncio
from contextlib import suppress
from typing import Final, Protocol

from telemetry.domain.backoff import Backoff
from telemetry.domain.errors import OutOfReachError, TelemetryError
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.flush import Flush, NewObject, StoredBatch

_PATIENCE_S: Final = 0.5  # how long a receive waits for a message, and so how late the end is seen
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 4.0  # so that a fault that ended is noticed within five seconds


class Witness(Protocol):
    """Whoever says what happened."""

    def turned(self) -> None:
        """Hear that the queue was asked for messages and answered."""
        ...

    def stored(self, batch: StoredBatch) -> None:
        """Hear what a flush stored."""
        ...

    def unwritten(self, new: NewObject, error: TelemetryError) -> None:
        """Hear of an object that could not be put and is held back."""
        ...

    def unreached(self, verb: str, error: OutOfReachError) -> None:
        """Hear that the queue could not be asked to receive, delete or extend."""
        ...


class Carrier:
    """Drives one consumer until it is told to stop."""

    def __init__(self, consumer: Consumer, witness: Witness, renew_every_s: float, shutdown_s: float) -> None:
        self._consumer = consumer
        self._witness = witness
        self._renew_every_s = renew_every_s
        self._shutdown_s = shutdown_s
        self._landed = asyncio.Event()
        self._backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)

    async def run(self, stopping: asyncio.Event) -> int:
        """Carry until `stopping` is set, then store what is gathered and hand back what cannot be stored.

        Return how many messages were handed back. Raise TimeoutError if storing takes longer than it may, and
        QueueUnavailableError if the queue cannot be asked.
        """
        try:
            async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as tasks:
                renewing = tasks.create_task(self._renew())
                while not stopping.is_set():
                    await self._receive(stopping)
                    self._start(tasks, stopping)
                renewing.cancel()
                limit.reschedule(asyncio.get_running_loop().time() + self._shutdown_s)
                self._start(tasks, stopping)
        finally:
            handed_back = await self._consumer.hand_back()
        return handed_back

    async def _receive(self, stopping: asyncio.Event) -> None:
        """Receive if there is room for it; otherwise wait until a flush has ended."""
        if not self._consumer.may_receive:
            await _wait(self._landed, _PATIENCE_S)
            self._landed.clear()
            return
        try:
            await self._consumer.receive(_PATIENCE_S)
        except OutOfReachError as error:
            self._witness.unreached("receive", error)
            await _wait(stopping, self._backoff.pause_s())
        else:
            self._backoff.reset()
            self._witness.turned()

    def _start(self, tasks: asyncio.TaskGroup, stopping: asyncio.Event) -> None:
        """Let go what is due; at the end, everything."""
        while flush := self._consumer.due(at_end=stopping.is_set()):
            tasks.create_task(self._carry(flush, tasks, stopping))

    async def _carry(self, flush: Flush, tasks: asyncio.TaskGroup, stopping: asyncio.Event) -> None:
        """Write all objects of a flush at once, then settle it, and let go what is due after it."""
        await asyncio.gather(*(self._consumer.write(flush, each) for each in flush.objects))
        stored = await self._settle(flush, stopping)
        for new, error in flush.failed:
            self._witness.unwritten(new, error)
        if stored:
            self._witness.stored(stored)
        self._landed.set()
        self._start(tasks, stopping)

    async def _settle(self, flush: Flush, stopping: asyncio.Event) -> StoredBatch | None:
        """Settle a flush, however often that has to be tried; at the end only once."""
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while True:
            try:
                return await self._consumer.settle(flush)
            except OutOfReachError as error:
                self._witness.unreached("delete", error)
                if stopping.is_set():
                    return None
                await _wait(stopping, backoff.pause_s())

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._renew_every_s)
            try:
                await self._consumer.renew()
            except OutOfReachError as error:
                self._witness.unreached("extend", error)


async def _wait(event: asyncio.Event, duration_s: float) -> None:
    """Wait for an event, at most `duration_s`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(duration_s):
            await event.wait()
