"""The embedded queue: one SQLite file, shared by any number of processes of one machine.

It keeps the promises of `telemetry.domain.transport.lease` in one table. A row is a message, and its lease
handle is its number with the count of its leases. Bodies are in a table of their own, so that a lease
rewrites a few bytes and not the body. Every change is a transaction of its own in WAL mode.

A send is synced before it is answered, so that what was sent survives the loss of power. Leases and deletes
survive the death of any process, and are synced with the next send. If the loss of power undoes some of them,
their messages come again. A receiver that waits queries the table every 20 milliseconds. That costs little,
needs no second mechanism, and works between processes.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from telemetry.adapters.queue.sqlite.file import QueueFile
from telemetry.adapters.queue.sqlite.messages import Messages
from telemetry.adapters.queue.sqlite.room import Room
from telemetry.domain.clock import Clock
from telemetry.domain.privacy.holdings import Rewritten
from telemetry.domain.transport.lease import Delivery, Depth, LeaseTerms
from telemetry.domain.transport.outlook import Outlook
from telemetry.domain.transport.queue import QueueUnavailableError

P = ParamSpec("P")
R = TypeVar("R")

_QUERY_EVERY_S: Final = 0.02  # so that a message waits half of that on average for a receiver that waits


class SqliteQueue:
    """A queue in the file `path`, which is made if need be; all calls share one thread and one connection."""

    max_body = 1024 * 1024

    def __init__(  # noqa: PLR0913  # all of it comes from settings
        self,
        path: Path,
        clock: Clock,
        terms: LeaseTerms,
        max_size: int,
        *,
        reserve: int = 0,
        file_mode: int | None = 0o600,
        folder_mode: int | None = 0o700,
    ) -> None:
        """Open the queue.

        A send is refused after which file and log would have more than `max_size` bytes, or less than
        `reserve` would be left on the disk.

        If file and folder have to be made, they get these modes, whatever the umask is; None leaves them to
        the umask. SQLite makes its other files with the mode of the first.

        Raise QueueUnavailableError if the file cannot be opened or is of another kind.
        """
        file, room = QueueFile(path, file_mode, folder_mode), Room(path, max_size, reserve)
        self.path = path
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="queue")
        try:
            self._messages = self._thread.submit(Messages, file, clock, terms, room).result()
        except BaseException:
            self._thread.shutdown()
            raise

    @property
    def is_new(self) -> bool:
        """Whether the file was made, or was empty, when this process opened it."""
        return self._messages.is_new

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        await self._run(self._messages.send, bodies)
        return []

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + wait_s
        while not (deliveries := await self._lease(limit)) and loop.time() < deadline_s:  # noqa: ASYNC110
            await asyncio.sleep(_QUERY_EVERY_S)  # other processes send too, and cannot set an event here
        return deliveries

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        return await self._run(self._messages.delete, handles)

    async def extend(self, handles: Sequence[str], duration_s: float) -> Sequence[str]:
        return await self._run(self._messages.extend, handles, round(duration_s * 1000))

    async def acquit(self, handles: Sequence[str]) -> Sequence[str]:
        return await self._run(self._messages.acquit, handles)

    async def depth(self) -> Depth:
        return await self._run(self._messages.depth)

    async def outlook(self) -> Outlook:
        return await self._run(self._messages.outlook)

    async def oldest_ms(self) -> int | None:
        return await self._run(self._messages.oldest_ms)

    async def dead(self, limit: int) -> Sequence[Delivery]:
        return await self._run(self._messages.dead, limit)

    async def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        return await self._run(self._messages.redrive, handles)

    async def rewrite(self, change: Callable[[bytes, int], bytes | None]) -> Rewritten:
        """Change bodies where they are, see `privacy.holdings.RewritableQueue`."""
        return await self._run(self._messages.rewrite, change)

    async def close(self) -> None:
        if not self._closed:
            closing = self._submit(self._messages.close)
            self._closed = True
            await asyncio.wrap_future(closing)
            self._thread.shutdown()

    async def _lease(self, limit: int) -> Sequence[Delivery]:
        """Receive without waiting. If the caller is cancelled, the thread undoes the leases."""
        leasing = self._submit(self._messages.receive, limit)
        try:
            return await asyncio.wrap_future(leasing)
        except asyncio.CancelledError:
            with suppress(QueueUnavailableError):  # closed meanwhile; the leases end by their time
                self._submit(self._unlease, leasing)
            raise

    def _unlease(self, leasing: Future[Sequence[Delivery]]) -> None:
        """Undo a receive whose caller was cancelled, unless it was not begun or failed."""
        if not leasing.cancelled() and not leasing.exception():
            self._messages.unlease([each.handle for each in leasing.result()])

    async def _run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do blocking work in the queue's thread."""
        return await asyncio.wrap_future(self._submit(work, *args, **kwargs))

    def _submit(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        if self._closed:
            raise QueueUnavailableError(f"The queue {self.path} has been closed")
        return self._thread.submit(work, *args, **kwargs)
