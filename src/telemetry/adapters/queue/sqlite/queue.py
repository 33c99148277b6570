"""The embedded queue: one SQLite file, shared by any number of processes of one machine.

It keeps the promises of `telemetry.domain.transport.lease` in one table: a row is a message, its handle is its number and how
often it was received. Bodies are apart, so that a lease rewrites a few bytes and not all that was sent. Every change is
a transaction of its own in WAL mode. A send is synced before it is answered, so that what was sent survives the loss of
power. Leases and deletes survive the death of any process, and are synced with the next send: what the loss of power
undoes of them, makes messages come again. A receiver that waits looks at the table every 20 milliseconds, which costs
little, needs no second mechanism, and works between processes.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from telemetry.adapters.queue.sqlite import schema, statements
from telemetry.domain.clock import Clock
from telemetry.domain.transport.lease import Delivery, Depth, LeaseTerms, lease_handle, parse_handle
from telemetry.domain.transport.queue import QueueUnavailableError

P = ParamSpec("P")
R = TypeVar("R")

_LOOK_EVERY: Final = 0.02  # seconds; a receiver that waits wakes in half of that on average
_BUSY: Final = 10.0  # seconds to wait for another process's transaction, which takes milliseconds
_BEYOND: Final = 2**63 - 1  # no message has a number as high


class SqliteQueue:
    """A queue in the file `path`, which is made if there is none; all calls share one thread and one connection."""

    max_body = 1024 * 1024

    def __init__(self, path: Path, clock: Clock, terms: LeaseTerms, max_size: int) -> None:
        """Open the queue. `max_size` bytes is how large the file may grow before sends are refused.

        Raises QueueUnavailableError if the file cannot be opened or is of another kind.
        """
        self._path = path
        self._clock = clock
        self._terms = terms
        self._max_size = max_size
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="queue")
        try:
            self._db = self._thread.submit(self._open).result()
        except BaseException:
            self._thread.shutdown()
            raise

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        await self._run(self._send, bodies)
        return []

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while not (deliveries := await self._lease(limit)) and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY)  # other processes send too, which set no event here
        return deliveries

    async def _lease(self, limit: int) -> Sequence[Delivery]:
        """Receive without waiting. Whoever is cancelled meanwhile holds nothing: the thread takes the leases back."""
        leasing = self._submit(self._receive, limit)
        try:
            return await asyncio.wrap_future(leasing)
        except asyncio.CancelledError:
            with suppress(QueueUnavailableError):  # closed meanwhile: the leases end by themselves
                self._submit(self._unlease, leasing)
            raise

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        return await self._run(self._settle, (statements.DELETE, statements.FORGET_BODY), handles)

    async def extend(self, handles: Sequence[str], duration_s: float) -> Sequence[str]:
        return await self._run(self._settle, (statements.EXTEND,), handles, round(duration_s * 1000))

    async def depth(self) -> Depth:
        return await self._run(self._depth)

    async def dead(self, limit: int) -> Sequence[Delivery]:
        return await self._run(self._dead, limit)

    async def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        moves = statements.RESEND, statements.MOVE_BODY, statements.FORGET
        return await self._run(self._settle, moves, handles)

    async def close(self) -> None:
        if not self._closed:
            closing = self._submit(self._db.close)
            self._closed = True
            await asyncio.wrap_future(closing)
            self._thread.shutdown()

    def _open(self) -> sqlite3.Connection:
        """Open the file, again while other processes that open it keep it locked."""
        give_up_at = time.monotonic() + _BUSY
        with self._translated():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            while True:
                try:
                    return self._connect()
                except sqlite3.OperationalError as error:
                    # To switch to WAL takes a lock for which SQLite does not wait by itself.
                    if not _is_busy(error) or time.monotonic() > give_up_at:
                        raise
                time.sleep(_LOOK_EVERY)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=_BUSY, isolation_level=None)
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        if not schema.is_known(db):
            raise QueueUnavailableError(
                f"{self._path} is no queue of version {schema.VERSION}, "
                f"but a database of version {schema.version_of(db)}"
            )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(statements.UNSYNCED)
        schema.upgrade(db)

    def _send(self, bodies: Sequence[bytes]) -> None:
        with self._synced(), self._transaction() as now:
            if self._used() + sum(map(len, bodies)) > self._max_size:
                raise QueueUnavailableError(
                    f"{self._path} is full: it may hold {self._max_size} bytes (QUEUE_MAX_BYTES); is a consumer running?"
                )
            for body in bodies:
                number = self._db.execute(statements.SEND, {"now": now}).lastrowid
                self._db.execute(statements.SEND_BODY, {"number": number, "body": body})

    def _receive(self, limit: int) -> Sequence[Delivery]:
        with self._translated():
            if not self._db.execute(statements.ANY_VISIBLE, {"now": self._clock.wall_ms()}).fetchone():
                return []  # without having asked for the lock that senders need
        with self._transaction() as now:
            terms = {"now": now, "max_receives": self._terms.max_receives}
            rows = self._db.execute(statements.VISIBLE, {**terms, "limit": limit}).fetchall()
            until = now + self._terms.visibility_ms
            self._db.executemany(
                statements.LEASE, [{"number": number, "until": until} for number, *_ in rows]
            )
            # Those that had their share of leases are met on the way to the last that is received.
            before = _BEYOND if len(rows) < limit else max((number for number, *_ in rows), default=0)
            self._db.execute(statements.BURY, {**terms, "before": before})
        return [
            Delivery(lease_handle(number, receives + 1), body, sent, receives + 1)
            for number, receives, sent, body in rows
        ]

    def _unlease(self, leasing: Future[Sequence[Delivery]]) -> None:
        """Undo a receive that nobody waits for any more, unless it was not begun or failed."""
        if not leasing.cancelled() and not leasing.exception():
            self._settle((statements.UNLEASE,), [each.handle for each in leasing.result()])

    def _settle(self, changes: Sequence[str], handles: Sequence[str], duration: int = 0) -> Sequence[str]:
        """Make changes to the message of each handle, one after the other; a handle that one does not meet is refused."""
        with self._transaction() as now:
            times = {"now": now, "until": now + duration}
            return [
                each for each in handles if not all(self._meets(change, each, times) for change in changes)
            ]

    def _depth(self) -> Depth:
        with self._translated():
            return Depth(*self._db.execute(statements.DEPTH, {"now": self._clock.wall_ms()}).fetchone())

    def _dead(self, limit: int) -> Sequence[Delivery]:
        with self._translated():
            rows = self._db.execute(statements.DEAD, {"limit": limit}).fetchall()
        return [
            Delivery(lease_handle(number, receives), body, sent, receives)
            for number, receives, sent, body in rows
        ]

    def _meets(self, statement: str, each: str, times: Mapping[str, int]) -> bool:
        """Run a statement on the row of a handle; tell whether there was one."""
        number, receives = parse_handle(each)
        return self._db.execute(statement, {"number": number, "receives": receives, **times}).rowcount > 0

    def _used(self) -> int:
        """Count the bytes of the file that hold something; deleting makes room in it, but does not shrink it."""
        (used,) = self._db.execute(statements.USED).fetchone()
        return int(used)

    @contextmanager
    def _transaction(self) -> Iterator[int]:
        """Change the table, or leave it as it is; the time that is yielded is that at which nobody else can."""
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._clock.wall_ms()
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _synced(self) -> Iterator[None]:
        """Let what is committed meanwhile, and all before it, survive the loss of power."""
        with self._translated():
            self._db.execute(statements.SYNCED)
            try:
                yield
            finally:
                self._db.execute(statements.UNSYNCED)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise QueueUnavailableError(
                f"The queue {self._path} (DATA_DIR) cannot be used: {error}"
            ) from error

    async def _run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Let the queue's thread do what blocks."""
        return await asyncio.wrap_future(self._submit(work, *args, **kwargs))

    def _submit(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        if self._closed:
            raise QueueUnavailableError(f"The queue {self._path} has been closed")
        return self._thread.submit(work, *args, **kwargs)


def _is_busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # what is above says why it is
