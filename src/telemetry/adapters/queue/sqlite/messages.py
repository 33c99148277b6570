"""The messages in the file of the embedded queue, and their leases: one transaction a verb.

This is what `telemetry.domain.transport.model` does, in SQL. All of it runs in the thread of the queue.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from telemetry.adapters.queue.sqlite import careful, scrub, statements
from telemetry.adapters.queue.sqlite.file import QueueFile, Row
from telemetry.adapters.queue.sqlite.places import Places
from telemetry.adapters.queue.sqlite.room import LogIsInTheWayError, Room
from telemetry.adapters.queue.sqlite.watch import Watch, found
from telemetry.domain.clock import Clock, lease_ms
from telemetry.domain.privacy.holdings import Rewritten
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
from telemetry.domain.transport.queue import QueueDamagedError, QueueUnavailableError

_log: Final = logging.getLogger(__name__)

_LOOK_EVERY_MS: Final = 250  # at the files, by those that receive


class Messages:
    """The messages of an open file."""

    def __init__(self, file: QueueFile, clock: Clock, terms: LeaseTerms, room: Room) -> None:
        self._file = file
        self._clock = clock
        self._terms = terms
        self._room = room
        self._places = Places()
        self.db, self.is_new = file.open()
        self._watch = Watch(file.path)
        self._looked_ms = -_LOOK_EVERY_MS
        self._was_refused = True

    def send(self, bodies: Sequence[bytes]) -> None:
        """Make bodies durable. Raise QueueDamagedError if they would not stay where they are put."""
        if self._was_refused:  # so that nothing is put in that nobody takes out
            self._check(self._watch.check)
        try:
            self._send(bodies)
        except LogIsInTheWayError:
            self._write_back()
            self._send(bodies)
        self._check(
            self._watch.check
        )  # after the commit, so that what is answered is where others look for it

    def receive(self, limit: int) -> Sequence[Delivery]:
        """Lease messages, around what cannot be read if there is any."""
        now_ms = lease_ms(self._clock)
        if not self._looked_ms <= now_ms < self._looked_ms + _LOOK_EVERY_MS:
            self._check(self._watch.check_files)
            self._looked_ms = now_ms
        try:
            if not self._is_any(statements.ANY_READY, now_ms):
                return []  # without taking the lock that senders need
            deliveries = self._receive(limit)
            if deliveries or not self._is_any(statements.ANY_WITHOUT_BODY, now_ms):
                return deliveries
            found(self._file.path, "messages have lost their bodies")
        except QueueDamagedError:
            pass  # it has been said, and what can be read is received
        return self._receive_carefully(limit)

    def delete(self, handles: Sequence[str]) -> Sequence[str]:
        changes = statements.DELETE, statements.DELETE_BODY
        try:
            return self._settle(changes, handles)
        except QueueDamagedError:
            # Damage beside a message may keep it from being removed, and not from being settled.
            done = (
                self._settles(changes, each) or self._settles((statements.SETTLE,), each) for each in handles
            )
            return [each for each, is_done in zip(handles, done, strict=True) if not is_done]

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

    def oldest_ms(self) -> int | None:
        terms = {"now_ms": lease_ms(self._clock), "max_receives": self._terms.max_receives}
        with self._file.errors():
            oldest_ms: int | None = self.db.execute(statements.OLDEST, terms).fetchone()[0]
            return oldest_ms

    def dead(self, limit: int) -> Sequence[Delivery]:
        with self._transaction() as now_ms:
            buried = self._bury(now_ms)
            rows = self.db.execute(statements.LETTERS, {"limit": limit}).fetchall()
        self._say_buried(buried)
        return [_delivery(*row) for row in rows]

    def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        changes = statements.RESEND, statements.MOVE_BODY, statements.DELETE_DEAD
        return self._settle(changes, handles)

    def rewrite(self, change: scrub.Change) -> Rewritten:
        with self._file.errors():
            self.db.execute(scrub.SECURE)
        with self._synced(), self._transaction() as now_ms:
            rewritten = scrub.change(self.db, now_ms, change)
        with self._file.errors():
            scrub.write_back(self.db)
        return rewritten

    def close(self) -> None:
        self.db.close()

    def _send(self, bodies: Sequence[bytes]) -> None:
        with self._synced(), self._transaction() as now_ms:
            self._room.check(self.db, bodies)
            times = {"now_ms": now_ms, "sent_ms": self._clock.wall_ms()}
            for body in bodies:
                number = self.db.execute(statements.SEND, times).lastrowid
                self.db.execute(statements.SEND_BODY, {"number": number, "body": body})

    def _receive(self, limit: int) -> Sequence[Delivery]:
        with self._transaction() as now_ms:
            buried = self._bury(now_ms)
            rows = self._choose(limit, now_ms)
            self._lease(rows, now_ms)
        self._say_buried(buried)
        return [_delivery(number, receives + 1, sent_ms, body) for number, receives, sent_ms, body in rows]

    def _receive_carefully(self, limit: int) -> Sequence[Delivery]:
        terms = {"now_ms": lease_ms(self._clock), "max_receives": self._terms.max_receives}
        with self._file.errors():
            chosen, unreadable = careful.choose(self.db, limit, terms)
        with self._transaction() as now_ms:
            times = {"now_ms": now_ms, "until_ms": now_ms + self._terms.visibility_ms}
            for number in unreadable:
                self.db.execute(statements.SET_UNREADABLE, {"number": number})
            rows = [
                row
                for row in chosen
                if self.db.execute(statements.LEASE_READY, {"number": row[0], **times}).rowcount
            ]
        return [_delivery(number, receives + 1, sent_ms, body) for number, receives, sent_ms, body in rows]

    def _lease(self, rows: Sequence[Row], now_ms: int) -> None:
        until_ms = now_ms + self._terms.visibility_ms
        self.db.executemany(
            statements.LEASE,
            [{"number": number, "now_ms": now_ms, "until_ms": until_ms} for number, *_ in rows],
        )

    def _is_any(self, statement: str, now_ms: int) -> bool:
        with self._file.errors():
            return self.db.execute(statement, {"now_ms": now_ms}).fetchone() is not None

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

    def _settles(self, changes: Sequence[str], handle: str) -> bool:
        """Make changes to one message; return whether that could be done."""
        with suppress(QueueDamagedError):
            return not self._settle(changes, [handle])
        return False

    def _check(self, check: Callable[[], None]) -> None:
        """Look at the files. Raise QueueDamagedError if that does."""
        self._was_refused = True
        try:
            check()
        except QueueDamagedError:
            with suppress(QueueUnavailableError):  # so that nothing is in a log that nobody finds any more
                self._write_back()
            raise
        self._was_refused = False

    def _write_back(self) -> None:
        """Write SQLite's log back into the file, and empty it."""
        with self._file.errors():
            self.db.execute(statements.WRITE_BACK).fetchall()

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
                    with suppress(sqlite3.Error):  # what failed is what is to be said
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
