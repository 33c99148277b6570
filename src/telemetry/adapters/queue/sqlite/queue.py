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
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from telemetry.adapters.queue.sqlite import schema, statements
from telemetry.adapters.queue.sqlite.places import Places
from telemetry.domain.clock import Clock
from telemetry.domain.transport.lease import Delivery, Depth, LeaseTerms, lease_handle, parse_handle
from telemetry.domain.transport.outlook import Outlook
from telemetry.domain.transport.queue import QueueUnavailableError

P = ParamSpec("P")
R = TypeVar("R")

_QUERY_EVERY_S: Final = 0.02  # so that a message waits half of that on average for a receiver that waits
_BUSY_S: Final = 10.0  # wait for another process's transaction, which takes milliseconds
_AFTER_LAST: Final = 2**63 - 1  # above the number of any message


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
        file_mode: int | None = 0o600,
        folder_mode: int | None = 0o700,
    ) -> None:
        """Open the queue. A send after which the file would hold more than `max_size` bytes is refused.

        If file and folder have to be made, they get these modes, whatever the umask is; None leaves them to
        the umask. SQLite makes its other files with the mode of the first.

        Raise QueueUnavailableError if the file cannot be opened or is of another kind.
        """
        self._path = path
        self._clock = clock
        self._terms = terms
        self._max_size = max_size
        self._file_mode = file_mode
        self._folder_mode = folder_mode
        self._places = Places()
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
        deadline_s = loop.time() + wait_s
        while not (deliveries := await self._lease(limit)) and loop.time() < deadline_s:  # noqa: ASYNC110
            await asyncio.sleep(_QUERY_EVERY_S)  # other processes send too, and cannot set an event here
        return deliveries

    async def _lease(self, limit: int) -> Sequence[Delivery]:
        """Receive without waiting. If the caller is cancelled, the thread undoes the leases."""
        leasing = self._submit(self._receive, limit)
        try:
            return await asyncio.wrap_future(leasing)
        except asyncio.CancelledError:
            with suppress(QueueUnavailableError):  # closed meanwhile; the leases end by their time
                self._submit(self._unlease, leasing)
            raise

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        return await self._run(self._settle, (statements.DELETE, statements.DELETE_BODY), handles)

    async def extend(self, handles: Sequence[str], duration_s: float) -> Sequence[str]:
        return await self._run(self._settle, (statements.EXTEND,), handles, round(duration_s * 1000))

    async def depth(self) -> Depth:
        return await self._run(self._depth)

    async def outlook(self) -> Outlook:
        return await self._run(self._outlook)

    async def dead(self, limit: int) -> Sequence[Delivery]:
        return await self._run(self._dead, limit)

    async def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        changes = statements.RESEND, statements.MOVE_BODY, statements.DELETE_DEAD
        return await self._run(self._settle, changes, handles)

    async def close(self) -> None:
        if not self._closed:
            closing = self._submit(self._db.close)
            self._closed = True
            await asyncio.wrap_future(closing)
            self._thread.shutdown()

    def _open(self) -> sqlite3.Connection:
        """Open the file; try again while other processes that open it keep it locked."""
        deadline_s = time.monotonic() + _BUSY_S
        with self._queue_errors():
            self._make_folder(self._path.parent)
            self._make_file()
            while True:
                try:
                    return self._connect()
                except sqlite3.OperationalError as error:
                    # The switch to WAL needs a lock for which SQLite does not wait by itself.
                    if not _is_busy(error) or time.monotonic() > deadline_s:
                        raise
                time.sleep(_QUERY_EVERY_S)

    def _make_folder(self, folder: Path) -> None:
        if not folder.exists():
            self._make_folder(folder.parent)
            with suppress(FileExistsError):  # another process was faster
                folder.mkdir(mode=0o777 if self._folder_mode is None else 0o700)
                if self._folder_mode is not None:
                    folder.chmod(self._folder_mode | folder.stat().st_mode & stat.S_ISGID)

    def _make_file(self) -> None:
        """Make the file, if it is not there, so that SQLite does not choose its mode."""
        if self._file_mode is None:
            return
        with suppress(FileExistsError):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.fchmod(descriptor, self._file_mode)
            finally:
                os.close(descriptor)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
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
        with self._synced(), self._transaction() as now_ms:
            if self._used() + sum(map(len, bodies)) > self._max_size:
                raise QueueUnavailableError(
                    f"{self._path} is full: it may hold {self._max_size} bytes (QUEUE_MAX_BYTES); is a consumer running?"
                )
            for body in bodies:
                number = self._db.execute(statements.SEND, {"now_ms": now_ms}).lastrowid
                self._db.execute(statements.SEND_BODY, {"number": number, "body": body})

    def _receive(self, limit: int) -> Sequence[Delivery]:
        with self._queue_errors():
            if not self._db.execute(statements.ANY_VISIBLE, {"now_ms": self._clock.wall_ms()}).fetchone():
                return []  # without taking the lock that senders need
        with self._transaction() as now_ms:
            terms = {"now_ms": now_ms, "max_receives": self._terms.max_receives}
            rows = self._db.execute(statements.VISIBLE, {**terms, "limit": limit}).fetchall()
            until_ms = now_ms + self._terms.visibility_ms
            self._db.executemany(
                statements.LEASE, [{"number": number, "until_ms": until_ms} for number, *_ in rows]
            )
            # Messages before the last that is received become dead letters if they had all their leases.
            before = _AFTER_LAST if len(rows) < limit else max((number for number, *_ in rows), default=0)
            self._db.execute(statements.MARK_DEAD, {**terms, "before": before})
        return [
            Delivery(lease_handle(number, receives + 1), body, sent_ms, receives + 1)
            for number, receives, sent_ms, body in rows
        ]

    def _unlease(self, leasing: Future[Sequence[Delivery]]) -> None:
        """Undo a receive whose caller was cancelled, unless it was not begun or failed."""
        if not leasing.cancelled() and not leasing.exception():
            self._settle((statements.UNLEASE,), [each.handle for each in leasing.result()])

    def _settle(self, changes: Sequence[str], handles: Sequence[str], duration_ms: int = 0) -> Sequence[str]:
        """Make changes to the message of each handle; return the handles for which one found no row."""
        with self._transaction() as now_ms:
            times = {"now_ms": now_ms, "until_ms": now_ms + duration_ms}
            return [
                each for each in handles if not all(self._change(change, each, times) for change in changes)
            ]

    def _depth(self) -> Depth:
        with self._queue_errors():
            return Depth(*self._db.execute(statements.DEPTH, {"now_ms": self._clock.wall_ms()}).fetchone())

    def _outlook(self) -> Outlook:
        with self._queue_errors():
            return self._places.look(self._db, self._clock.wall_ms())

    def _dead(self, limit: int) -> Sequence[Delivery]:
        with self._queue_errors():
            rows = self._db.execute(statements.DEAD, {"limit": limit}).fetchall()
        return [
            Delivery(lease_handle(number, receives), body, sent_ms, receives)
            for number, receives, sent_ms, body in rows
        ]

    def _change(self, statement: str, handle: str, times: Mapping[str, int]) -> bool:
        """Run a statement on the row of a handle; return whether there was one."""
        number, receives = parse_handle(handle)
        return self._db.execute(statement, {"number": number, "receives": receives, **times}).rowcount > 0

    def _used(self) -> int:
        """Return the bytes of the file in use; a delete frees some of them, but does not shrink the file."""
        (used,) = self._db.execute(statements.USED).fetchone()
        return int(used)

    @contextmanager
    def _transaction(self) -> Iterator[int]:
        """Make all changes or none. Yield the moment, in epoch ms, once no other process can make changes."""
        with self._queue_errors():
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
        """Make what is committed in the context, and all before it, survive the loss of power."""
        with self._queue_errors():
            self._db.execute(statements.SYNCED)
            try:
                yield
            finally:
                self._db.execute(statements.UNSYNCED)

    @contextmanager
    def _queue_errors(self) -> Iterator[None]:
        """Turn an error of SQLite or of the file system into QueueUnavailableError."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise QueueUnavailableError(
                f"The queue {self._path} (DATA_DIR) cannot be used: {error}"
            ) from error

    async def _run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do blocking work in the queue's thread."""
        return await asyncio.wrap_future(self._submit(work, *args, **kwargs))

    def _submit(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        if self._closed:
            raise QueueUnavailableError(f"The queue {self._path} has been closed")
        return self._thread.submit(work, *args, **kwargs)


def _is_busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # the higher bits say why it is busy
