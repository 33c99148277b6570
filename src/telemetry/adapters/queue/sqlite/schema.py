"""The tables of the embedded queue, and what makes them of an empty file and of an older queue."""

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
_PART: Final = "INSERT INTO bodies (number, body) SELECT number, body FROM messages"
_SLIM: Final = "ALTER TABLE messages DROP COLUMN body"
_MARK: Final = "PRAGMA user_version = 2"  # which is VERSION
_UPGRADES: Final = {0: (_MESSAGES, _BODIES, _MARK), 1: (_BODIES, _PART, _SLIM, _MARK)}
"""What makes a queue of this version of an empty file, and of one of version 1, which kept bodies with the messages."""


def is_known(db: sqlite3.Connection) -> bool:
    """Tell a queue and an empty file from what another program keeps."""
    version, tables = db.execute(_KIND).fetchone()
    return bool(version == VERSION or (version in _UPGRADES and (version or not tables)))


def version_of(db: sqlite3.Connection) -> int:
    """Return the version that the file says it has."""
    version, _ = db.execute(_KIND).fetchone()
    return int(version)


def upgrade(db: sqlite3.Connection) -> None:
    """Make a queue of this version of what the file holds, unless it is one."""
    if version_of(db) == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    for statement in _UPGRADES.get(version_of(db), ()):  # another process may have come first
        db.execute(statement)
    db.execute("COMMIT")
