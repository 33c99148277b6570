"""The outbox: parcels of POSTs that come close together share queue messages."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from telemetry.domain.clock import Clock
from telemetry.domain.transport import envelope, parcel
from telemetry.domain.transport.batch import Batcher, BatchLimits
from telemetry.domain.transport.parcel import Parcel
from telemetry.domain.transport.queue import Queue, QueueUnavailableError


class _Waiting(msgspec.Struct, frozen=True, eq=False):
    """The parcels of one caller, and the future that it waits for."""

    parcels: Sequence[Parcel]
    durable: asyncio.Future[None]

    def succeed(self) -> None:
        if not self.durable.done():  # as it is when the client hung up
            self.durable.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self.durable.done():
            self.durable.set_exception(error)


class LingeringOutbox:
    """One sender to a queue: while it sends, what arrives gathers, and is sent together when it is done."""

    def __init__(self, queue: Queue, clock: Clock, linger_s: float, max_waiting: int) -> None:
        """Let the first of a batch wait `linger_s` for others; refuse beyond `max_waiting` waiting bytes."""
        self._queue = queue
        self._clock = clock
        self._max_waiting = max_waiting
        self.max_parcel_size = envelope.max_content(queue.max_body)
        limits = BatchLimits(count=self.max_parcel_size, size=self.max_parcel_size, age_s=linger_s)
        self._batcher: Batcher[_Waiting] = Batcher(limits)
        self._full = asyncio.Event()
        self._driver: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        return self._batcher.size

    async def send(self, parcels: Sequence[Parcel]) -> None:
        size = sum(each.size for each in parcels)
        if self._closed:
            raise QueueUnavailableError("The receiver stops.")
        if self._batcher.size + size > self._max_waiting:
            raise QueueUnavailableError("More is waiting for the queue than may wait (INGEST_MAX_WAITING).")
        if self._driver is None:
            self._driver = asyncio.create_task(self._drive())
        now_s = self._clock.monotonic_s()
        # The driver knows the loop; to ask for the running one is a system call.
        waiting = _Waiting(parcels, self._driver.get_loop().create_future())
        self._batcher.add(waiting, 1, size, now_s)
        if self._batcher.is_due(now_s):
            self._full.set()
        await waiting.durable

    async def close(self) -> None:
        self._closed = True
        if driver := self._driver:
            driver.cancel()
            await asyncio.wait([driver])
            _stop(self._batcher.take())  # a driver that had not begun did not do it

    async def _drive(self) -> None:
        """Send batch after batch until nothing waits any more."""
        batch: Sequence[_Waiting] = ()
        try:
            while (deadline_s := self._batcher.deadline_s) is not None:
                await self._linger(deadline_s - self._clock.monotonic_s())
                self._full.clear()
                batch = self._batcher.take()
                await self._send(batch)
        except asyncio.CancelledError:
            _stop((*batch, *self._batcher.take()))
            raise
        finally:
            self._driver = None

    async def _linger(self, duration_s: float) -> None:
        if duration_s <= 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(duration_s):
                await self._full.wait()

    async def _send(self, batch: Sequence[_Waiting]) -> None:
        try:
            failed = await self._hand_over([each for waiting in batch for each in waiting.parcels])
        except Exception as error:  # noqa: BLE001  # whatever it is, those who wait get it
            for waiting in batch:
                waiting.fail(error)
            return
        for waiting in batch:
            if any(id(each) in failed for each in waiting.parcels):
                waiting.fail(QueueUnavailableError("The queue did not take a part of it."))
            else:
                waiting.succeed()

    async def _hand_over(self, parcels: Sequence[Parcel]) -> set[int]:
        """Send parcels; return the ids of those that the queue did not take."""
        groups = list(parcel.group(parcels, self.max_parcel_size))
        failed = await self._queue.send([envelope.encode(group) for group in groups])
        return {id(each) for index in failed for each in groups[index]}


def _stop(batch: Sequence[_Waiting]) -> None:
    for waiting in batch:
        waiting.fail(QueueUnavailableError("The receiver stops."))
