"""The tables of the embedded queue, and how they are made from an empty file and from an older queue.

The columns `sent` and `visible` are epoch milliseconds.
"""

import sqlite3
from typing import Final

VERSION: Final = 2

_KIND: Final = "SELECT user_version, (SELECT COUNT(*) FROM sqlite_master) FROM pragma_user_version"
_MESSAGES: Final = """
CREATE TABLE messages (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    sent     INTEGER NOT NULL,
    visible  INTEGER NOT NULL,
    receives INTEGER NOT NULL DEFAULT 0,
    dead     INTEGER NOT NULL DEFAULT 0
)
"""
_BODIES: Final = "CREATE TABLE bodies (number INTEGER PRIMARY KEY, body BLOB NOT NULL)"
_COPY_BODIES: Final = "INSERT INTO bodies (number, body) SELECT number, body FROM messages"
_DROP_BODY: Final = "ALTER TABLE messages DROP COLUMN body"
_SET_VERSION: Final = "PRAGMA user_version = 2"  # which is VERSION
_UPGRADES: Final = {
    0: (_MESSAGES, _BODIES, _SET_VERSION),
    1: (_BODIES, _COPY_BODIES, _DROP_BODY, _SET_VERSION),
}
"""The statements that upgrade an empty file, and a queue of version 1, which kept bodies in `messages`."""


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
