"""The messages in the file of the embedded queue, and their leases: one transaction a verb.

This is what `telemetry.domain.transport.model` does, in SQL. All of it runs in the thread of the queue.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from telemetry.adapters.queue.sqlite import statements
from telemetry.adapters.queue.sqlite.file import QueueFile
from telemetry.adapters.queue.sqlite.places import Places
from telemetry.domain.clock import Clock, lease_ms
from telemetry.domain.transport.lease import (
    BURIED,
    SUSPECT_AFTER,
    Delivery,
    Depth,
    LeaseTerms,
    lease_handle,
    parse_handle,
)
from telemetry.domain.transport.outlook import Outlook
from telemetry.domain.transport.queue import QueueUnavailableError

Row = tuple[int, int, int, bytes]
"""A message: its number, how often it was received, when it was sent, and its body."""

_log: Final = logging.getLogger(__name__)


class Messages:
    """The messages of an open file.

    A send after which the file would hold more than `max_size` bytes is refused.
    """

    def __init__(self, file: QueueFile, clock: Clock, terms: LeaseTerms, max_size: int) -> None:
        self._file = file
        self._clock = clock
        self._terms = terms
        self._max_size = max_size
        self._places = Places()
        self.db = file.open()

    def send(self, bodies: Sequence[bytes]) -> None:
        with self._synced(), self._transaction() as now_ms:
            self._check_room(sum(map(len, bodies)))
            times = {"now_ms": now_ms, "sent_ms": self._clock.wall_ms()}
            for body in bodies:
                number = self.db.execute(statements.SEND, times).lastrowid
                self.db.execute(statements.SEND_BODY, {"number": number, "body": body})

    def receive(self, limit: int) -> Sequence[Delivery]:
        with self._file.errors():
            if not self.db.execute(statements.ANY_READY, {"now_ms": lease_ms(self._clock)}).fetchone():
                return []  # without taking the lock that senders need
        with self._transaction() as now_ms:
            buried = self._bury(now_ms)
            rows = self._choose(limit, now_ms)
            until_ms = now_ms + self._terms.visibility_ms
            self.db.executemany(
                statements.LEASE,
                [{"number": number, "now_ms": now_ms, "until_ms": until_ms} for number, *_ in rows],
            )
        self._say_buried(buried)
        return [_delivery(number, receives + 1, sent_ms, body) for number, receives, sent_ms, body in rows]

    def delete(self, handles: Sequence[str]) -> Sequence[str]:
        return self._settle((statements.DELETE, statements.DELETE_BODY), handles)

    def extend(self, handles: Sequence[str], duration_ms: int) -> Sequence[str]:
        change = statements.EXTEND if duration_ms else statements.HAND_BACK
        return self._settle((change,), handles, duration_ms)

    def acquit(self, handles: Sequence[str]) -> Sequence[str]:
        return self._settle((statements.ACQUIT,), handles)

    def unlease(self, handles: Sequence[str]) -> None:
        """Undo a receive, as if it had never been."""
        self._settle((statements.UNLEASE,), handles)

    def depth(self) -> Depth:
        terms = {"now_ms": lease_ms(self._clock), "max_receives": self._terms.max_receives}
        with self._file.errors():
            return Depth(*self.db.execute(statements.DEPTH, terms).fetchone())

    def outlook(self) -> Outlook:
        terms = {"now_ms": lease_ms(self._clock), "max_receives": self._terms.max_receives}
        with self._file.errors():
            return self._places.look(self.db, terms)

    def dead(self, limit: int) -> Sequence[Delivery]:
        with self._transaction() as now_ms:
            buried = self._bury(now_ms)
            rows = self.db.execute(statements.LETTERS, {"limit": limit}).fetchall()
        self._say_buried(buried)
        return [_delivery(*row) for row in rows]

    def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        changes = statements.RESEND, statements.MOVE_BODY, statements.DELETE_DEAD
        return self._settle(changes, handles)

    def close(self) -> None:
        self.db.close()

    def _choose(self, limit: int, now_ms: int) -> Sequence[Row]:
        """Return one suspect, or else up to `limit` other messages, of those that are ready."""
        choice = {"now_ms": now_ms, "limit": limit}
        suspect = self.db.execute(statements.SUSPECT, choice).fetchall()
        return suspect or self.db.execute(statements.READY, choice).fetchall()

    def _bury(self, now_ms: int) -> int:
        """Make dead letters of ready messages that have all their strikes; return how many."""
        bury = statements.BURY if self._terms.max_receives >= SUSPECT_AFTER else statements.BURY_AT_ONCE
        return self.db.execute(bury, {"now_ms": now_ms, "max_receives": self._terms.max_receives}).rowcount

    def _say_buried(self, count: int) -> None:
        if count:
            _log.warning(BURIED, count, self._terms.max_receives)

    def _settle(self, changes: Sequence[str], handles: Sequence[str], duration_ms: int = 0) -> Sequence[str]:
        """Make changes to the message of each handle; return the handles for which one found no row."""
        with self._transaction() as now_ms:
            times = {"now_ms": now_ms, "until_ms": now_ms + duration_ms}
            return [
                each for each in handles if not all(self._change(change, each, times) for change in changes)
            ]

    def _change(self, statement: str, handle: str, times: Mapping[str, int]) -> bool:
        """Run a statement on the row of a handle; return whether there was one."""
        number, receives = parse_handle(handle)
        return self.db.execute(statement, {"number": number, "receives": receives, **times}).rowcount > 0

    def _check_room(self, size: int) -> None:
        (used,) = self.db.execute(statements.USED).fetchone()
        if used + size > self._max_size:
            raise QueueUnavailableError(
                f"{self._file.path} is full: it may hold {self._max_size} bytes (QUEUE_MAX_BYTES); "
                "is a consumer running?"
            )

    @contextmanager
    def _transaction(self) -> Iterator[int]:
        """Make all changes or none.

        Yield the moment, on the clock that measures leases, once no other process can make changes.
        """
        with self._file.errors():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield lease_ms(self._clock)
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    @contextmanager
    def _synced(self) -> Iterator[None]:
        """Make what is committed in the context, and all before it, survive the loss of power."""
        with self._file.errors():
            self.db.execute(statements.SYNCED)
            try:
                yield
            finally:
                self.db.execute(statements.UNSYNCED)


def _delivery(number: int, receives: int, sent_ms: int, body: bytes) -> Delivery:
    return Delivery(lease_handle(number, receives), body, sent_ms, receives)
