"""Which hours the messages of the embedded queue are of.

Only the start of a body is read, whatever its size, and once, because a message never changes. So a look at a
queue of many messages costs what has come since the last look.
"""

import sqlite3
from collections.abc import Iterator, Mapping

from telemetry.adapters.queue.sqlite import statements
from telemetry.domain.contract.moment import Hour
from telemetry.domain.transport import envelope, outlook
from telemetry.domain.transport.lease import State
from telemetry.domain.transport.outlook import Outlook, Waiting


class Places:
    """The hours of the messages that were there at the last look, by their numbers."""

    def __init__(self) -> None:
        self._hours: dict[int, Hour | None] = {}

    def look(self, db: sqlite3.Connection, terms: Mapping[str, int]) -> Outlook:
        """Say what the queue holds; all of it as it is at one moment."""
        db.execute("BEGIN")
        try:
            rows = db.execute(statements.MESSAGES, terms).fetchall()
            known = self._hours
            self._hours = {
                number: known[number] if number in known else _hour(db, number) for number, *_ in rows
            }
        finally:
            db.execute("COMMIT")
        return outlook.of(self._waiting(rows))

    def _waiting(self, rows: list[tuple[int, int, State]]) -> Iterator[Waiting]:
        return (Waiting(self._hours[number], sent_ms, state) for number, sent_ms, state in rows)


def _hour(db: sqlite3.Connection, number: int) -> Hour | None:
    try:
        with db.blobopen("bodies", "body", number, readonly=True) as body:
            return outlook.hour_of_body(body.read(envelope.HEAD))
    except sqlite3.DatabaseError:  # it is damaged
        return None
