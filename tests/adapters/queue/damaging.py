"""How tests damage the file of an embedded queue."""

import random
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from telemetry.adapters.queue.sqlite import SqliteQueue

PAGE = 4096


def body_of(number: int, size: int = 6000) -> bytes:
    """Make a body that no other is like, and that takes several pages."""
    return random.Random(number).randbytes(size)


async def filled(queue: SqliteQueue, count: int = 200, size: int = 6000) -> list[bytes]:
    """Send messages of distinct bodies one by one, and return the bodies."""
    bodies = [body_of(number, size) for number in range(count)]
    for body in bodies:
        await queue.send([body])
    return bodies


def write_back(path: Path) -> None:
    """Have all that is in the log be in the file."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def pages_of(path: Path, table: str, kind: str = "leaf") -> Sequence[int]:
    """Return the pages of a table that are of a kind: leaf, internal or overflow."""
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY pageno"
        return [number for (number,) in db.execute(query, (table, kind))]


def spoil(path: Path, pages: Iterable[int], start: int = 0) -> None:
    """Overwrite pages, from a place within each, with garbage."""
    with path.open("r+b") as file:
        for number in pages:
            file.seek((number - 1) * PAGE + start)
            file.write(random.Random(-number).randbytes(PAGE - start))
