"""Change bodies of messages so that no byte of what they were is left in the file.

SQLite leaves what was deleted where it was, in free pages and between the rows of others, until something
takes its place. So here free pages are filled with zeros, and the table of bodies is copied and dropped,
with `secure_delete`, which overwrites what is freed. The file does not shrink, which others would take for
damage. It may grow to twice its size. Then the log is written back and emptied.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import Final

from telemetry.adapters.queue.sqlite import statements
from telemetry.domain.privacy.holdings import Rewritten
from telemetry.domain.transport.queue import QueueUnavailableError

Change = Callable[[bytes, int], bytes | None]

SECURE: Final = "PRAGMA secure_delete = ON"
_NUMBERS: Final = "SELECT number, sent, state = 0 AND since <= :now_ms AND :now_ms < until FROM messages"
_UPDATE: Final = "UPDATE bodies SET body = :body WHERE number = :number"
_DELETE: Final = "DELETE FROM messages WHERE number = :number"
_DELETE_BODY: Final = "DELETE FROM bodies WHERE number = :number"
_FREE: Final = "SELECT freelist_count, page_size FROM pragma_freelist_count, pragma_page_size"
_FILL: Final = "INSERT INTO filling (zeros) VALUES (zeroblob(:size))"
_BEGIN_FILLING: Final = "CREATE TABLE filling (zeros BLOB)"
_END_FILLING: Final = "DROP TABLE filling"
_COPY: Final = (
    "CREATE TABLE fresh (number INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    "INSERT INTO fresh (number, body) SELECT number, body FROM bodies",
    "DROP TABLE bodies",
    "ALTER TABLE fresh RENAME TO bodies",
)
_LARGEST: Final = 100_000_000  # bytes that are written at once
_PATIENCE_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.05


def change(db: sqlite3.Connection, now_ms: int, change: Change) -> Rewritten:
    """Change bodies, and overwrite what they were, within a transaction."""
    changed = leased = 0
    for number, sent_ms, is_leased in db.execute(_NUMBERS, {"now_ms": now_ms}).fetchall():
        row = db.execute(statements.BODY, {"number": number}).fetchone()
        if row is None or (after := change(row[0], sent_ms)) == row[0]:
            continue
        changed += 1
        leased += is_leased
        if after is None:
            db.execute(_DELETE, {"number": number})
            db.execute(_DELETE_BODY, {"number": number})
        else:
            db.execute(_UPDATE, {"number": number, "body": after})
    _overwrite(db)
    return Rewritten(changed, leased)


def _overwrite(db: sqlite3.Connection) -> None:
    """Overwrite free pages, and what lies between bodies."""
    free, page_size = db.execute(_FREE).fetchone()
    db.execute(_BEGIN_FILLING)
    for start in range(0, free * page_size, _LARGEST):
        db.execute(_FILL, {"size": min(_LARGEST, free * page_size - start)})
    db.execute(_END_FILLING)
    for statement in _COPY:
        db.execute(statement)


def write_back(db: sqlite3.Connection) -> None:
    """Write the log back and empty it. Raise QueueUnavailableError if others keep it from that."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while db.execute(statements.WRITE_BACK).fetchone()[0]:
        if time.monotonic() > deadline_s:
            raise QueueUnavailableError("The queue's log is being read by others; try again")
        time.sleep(_LOOK_EVERY_S)
