"""How messages are received from a file that is known to be damaged: one by one, around what cannot be read.

A page that cannot be read hides what it holds, and no more: bodies on other pages are found by their numbers.
Where it belongs to the table of messages, those before it are found from the front, and those behind the last
such page from the back. What is between two such pages waits for `telemetry queue recover`.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

from telemetry.adapters.queue.sqlite import statements
from telemetry.adapters.queue.sqlite.file import Row, is_damage


def choose(
    db: sqlite3.Connection, limit: int, terms: Mapping[str, int]
) -> tuple[Sequence[Row], Sequence[int]]:
    """Return up to `limit` ready messages that can be read, and the numbers of those on the way that cannot.

    Call it outside of a transaction, since SQLite gives up one that writes as soon as it meets damage. Raise
    sqlite3.Error if nothing at all can be read.
    """
    chosen: list[Row] = []
    unreadable: list[int] = []
    for number, receives, sent_ms in _ready(db, terms):
        if len(chosen) == limit:
            break
        body = _body(db, number)
        if body is None:
            unreadable.append(number)
        else:
            chosen.append((number, receives, sent_ms, body))
    return chosen, unreadable


def _ready(db: sqlite3.Connection, terms: Mapping[str, int]) -> Iterator[tuple[int, int, int]]:
    """Yield ready messages from the front up to the first damage, and then from the back."""
    last, damage = 0, None
    try:
        for row in db.execute(statements.FIRST_READY, terms):
            yield row
            last = row[0]
    except sqlite3.DatabaseError as error:
        damage = _known(error)
    if damage:
        try:
            for row in db.execute(statements.LAST_READY, terms):
                if row[0] <= last:
                    return
                yield row
        except sqlite3.DatabaseError as error:
            if not last:
                raise _known(error) from damage


def _body(db: sqlite3.Connection, number: int) -> bytes | None:
    """Return a body; None if it cannot be read."""
    try:
        row: tuple[bytes] | None = db.execute(statements.BODY, {"number": number}).fetchone()
    except sqlite3.DatabaseError as error:
        _known(error)
        return None
    return row[0] if row else None


def _known(error: sqlite3.DatabaseError) -> sqlite3.DatabaseError:
    """Return an error that is one of damage; raise any other."""
    if not is_damage(error):
        raise error
    return error
