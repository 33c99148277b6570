"""The outbox: lets POSTs that come close together share queue messages, each answered when its lines are durable."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from telemetry.domain.clock import Clock
from telemetry.domain.transport import envelope
from telemetry.domain.transport.batch import Batcher, Limits
from telemetry.domain.transport.envelope import Parcel
from telemetry.domain.transport.queue import Queue, QueueUnavailableError


class _Posting(msgspec.Struct, frozen=True, eq=False):
    """The parcels of one POST, and whom to tell how they fared."""

    parcels: Sequence[Parcel]
    durable: asyncio.Future[None]

    def succeed(self) -> None:
        if not self.durable.done():  # as it is when the client hung up
            self.durable.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self.durable.done():
            self.durable.set_exception(error)


class LingeringOutbox:
    """One sender to a queue: while it sends, what arrives gathers, and goes together when it is done."""

    def __init__(self, queue: Queue, clock: Clock, linger: float, max_waiting: int) -> None:
        """Let the first of a batch wait `linger` seconds for company; refuse beyond `max_waiting` waiting bytes."""
        self._queue = queue
        self._clock = clock
        self._max_waiting = max_waiting
        self.room = envelope.room(queue.max_body)
        self._batcher: Batcher[_Posting] = Batcher(Limits(count=self.room, size=self.room, age=linger))
        self._full = asyncio.Event()
        self._driver: asyncio.Task[None] | None = None

    async def post(self, parcels: Sequence[Parcel]) -> None:
        size = sum(parcel.size for parcel in parcels)
        if self._batcher.size + size > self._max_waiting:
            raise QueueUnavailableError("More is waiting for the queue than may wait (INGEST_MAX_WAITING).")
        if self._driver is None:
            self._driver = asyncio.create_task(self._drive())
        now = self._clock.monotonic()
        # The driver knows the loop; to ask for the running one is a system call.
        posting = _Posting(parcels, self._driver.get_loop().create_future())
        self._batcher.add(posting, 1, size, now)
        if self._batcher.is_due(now):
            self._full.set()
        await posting.durable

    async def _drive(self) -> None:
        """Send batch after batch until nothing waits any more."""
        postings: Sequence[_Posting] = ()
        try:
            while (deadline := self._batcher.deadline) is not None:
                await self._linger(deadline - self._clock.monotonic())
                self._full.clear()
                postings = self._batcher.take()
                await self._send(postings)
        except asyncio.CancelledError:
            for posting in (*postings, *self._batcher.take()):
                posting.fail(QueueUnavailableError("The receiver stops."))
            raise
        finally:
            self._driver = None

    async def _linger(self, seconds: float) -> None:
        if seconds <= 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._full.wait()

    async def _send(self, postings: Sequence[_Posting]) -> None:
        try:
            in_doubt = await self._hand_over([parcel for each in postings for parcel in each.parcels])
        except Exception as error:  # noqa: BLE001  # whatever it is, those who wait are the ones to be told
            for posting in postings:
                posting.fail(error)
            return
        for posting in postings:
            if any(id(parcel) in in_doubt for parcel in posting.parcels):
                posting.fail(QueueUnavailableError("The queue did not take a part of it."))
            else:
                posting.succeed()

    async def _hand_over(self, parcels: Sequence[Parcel]) -> set[int]:
        """Send parcels; return the ids of those that the queue did not take."""
        bundles = list(envelope.bundle(parcels, self.room))
        failed = await self._queue.send([envelope.seal(bundle) for bundle in bundles])
        return {id(parcel) for index in failed for parcel in bundles[index]}
