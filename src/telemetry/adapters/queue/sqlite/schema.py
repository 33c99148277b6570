"""The tables of the embedded queue, and how they are made from an empty file and from an older queue.

The column `sent` is epoch milliseconds. A lease is from `since` to `until`, in milliseconds of the clock that
never goes back; the two are the same if there was none. `state` is one of the constants here.
"""

import sqlite3
from typing import Final

VERSION: Final = 3

ALIVE: Final = 0
DEAD: Final = 1
UNREADABLE: Final = 2
"""Of a message: its body is damaged, so that nobody can receive it."""
SETTLED: Final = 3
"""Of a message: it was deleted, and damage beside it keeps its row and its body from being removed."""

_KIND: Final = "SELECT user_version, (SELECT COUNT(*) FROM sqlite_master) FROM pragma_user_version"
_MESSAGES: Final = """
CREATE TABLE messages (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    sent     INTEGER NOT NULL,
    since    INTEGER NOT NULL,
    until    INTEGER NOT NULL,
    receives INTEGER NOT NULL DEFAULT 0,
    strikes  INTEGER NOT NULL DEFAULT 0,
    state    INTEGER NOT NULL DEFAULT 0
)
"""
_SUSPECTS: Final = "CREATE INDEX suspects ON messages (strikes) WHERE strikes >= 2 AND state = 0"
_BODIES: Final = "CREATE TABLE bodies (number INTEGER PRIMARY KEY, body BLOB NOT NULL)"
_COPY_BODIES: Final = "INSERT INTO bodies (number, body) SELECT number, body FROM messages"
_DROP_BODY: Final = "ALTER TABLE messages DROP COLUMN body"
_ADD_LEASES: Final = (
    "ALTER TABLE messages RENAME COLUMN visible TO until",
    "ALTER TABLE messages RENAME COLUMN dead TO state",
    "ALTER TABLE messages ADD COLUMN since INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE messages ADD COLUMN strikes INTEGER NOT NULL DEFAULT 0",
    "UPDATE messages SET until = 0",  # who held them has another version, and has ended
    _SUSPECTS,
)
_SET_VERSION: Final = "PRAGMA user_version = 3"  # which is VERSION
_UPGRADES: Final = {
    0: (_MESSAGES, _BODIES, _SUSPECTS, _SET_VERSION),
    1: (_BODIES, _COPY_BODIES, _DROP_BODY, *_ADD_LEASES, _SET_VERSION),
    2: (*_ADD_LEASES, _SET_VERSION),
}
"""The statements that upgrade an empty file, and queues of older versions.

Version 1 kept bodies in `messages`. Version 2 measured leases by the wall clock, and counted no strikes.
"""


def is_known(db: sqlite3.Connection) -> bool:
    """Return whether the file is a queue or empty, and not the file of another program."""
    version, tables = db.execute(_KIND).fetchone()
    return bool(version == VERSION or (version in _UPGRADES and (version or not tables)))


def version_of(db: sqlite3.Connection) -> int:
    """Return the version that the file says it has."""
    version, _ = db.execute(_KIND).fetchone()
    return int(version)


def upgrade(db: sqlite3.Connection) -> None:
    """Turn an empty file or an older queue into a queue of this version."""
    if version_of(db) == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    for statement in _UPGRADES.get(version_of(db), ()):  # another process may have upgraded it meanwhile
        db.execute(statement)
    db.execute("COMMIT")
