"""Whether the embedded queue may grow: by its own limit, and by what is left on its disk.

What is sent goes to SQLite's log first and later into the file, so that both count. The file never shrinks.
So it grows only as far as leaves room for a log, or else one that was full once could take nothing any more.

Leases and deletes are written as well, and so the last bytes of a disk are kept for them: a queue that cannot
be emptied stays full.
"""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from telemetry.adapters.queue.sqlite import statements
from telemetry.adapters.queue.sqlite.watch import part
from telemetry.domain.transport.queue import QueueUnavailableError

_MOST_KEPT: Final = 32 * 1024 * 1024  # bytes that the file leaves to the log
_BESIDE: Final = 8  # pages that a send changes beside those of its bodies
_FRAME: Final = 24  # bytes that the log takes for a page beside the page
_USUAL_LOG: Final = 16 * 1024 * 1024  # bytes; SQLite begins to write it back at 4 MB
_UNSEEN: Final = 1024 * 1024  # bytes that are written before log and disk are looked at again


class LogIsInTheWayError(Exception):
    """There is room once the log has been written back into the file."""


class Room:
    """The bytes that file and log may have together, and those of the disk that nothing is sent into."""

    def __init__(self, path: Path, max_size: int, reserve: int) -> None:
        """Let both have `max_size` bytes, and keep `reserve` of the disk; a quarter of a small one."""
        self._path = path
        self._log = str(part(path, "-wal"))
        self._folder = str(path.parent)
        self._max_size = max_size
        self._kept = min(_MOST_KEPT, max_size // 4)
        self._reserve = reserve
        self._unseen = _UNSEEN

    def check(self, db: sqlite3.Connection, bodies: Sequence[bytes]) -> None:
        """Raise QueueUnavailableError, naming the setting, if bodies may not be sent.

        Raise LogIsInTheWayError if only the log stands in their way.
        """
        pages, free, page_size = db.execute(statements.PAGES).fetchone()
        needed = sum([len(each) // (page_size - 4) + 2 for each in bodies]) + _BESIDE
        written = needed * (page_size + _FRAME)
        grown = pages + max(0, needed - free)
        kept = self._kept if grown > pages else 0
        # A limit that was lowered below the size of the file counts what is in use of it.
        size = (grown if grown * page_size <= self._max_size else pages - free + needed) * page_size
        if size + max(kept, written) > self._max_size:
            raise QueueUnavailableError(
                f"{self._path} is full: it may hold {self._max_size} bytes (QUEUE_MAX_BYTES); "
                "is a consumer running?"
            )
        self._unseen += written
        if bodies and self._unseen < _UNSEEN and size + _UNSEEN + _USUAL_LOG < self._max_size:
            return
        self._unseen = 0
        if size + _size(self._log) + written > self._max_size:
            raise LogIsInTheWayError
        self._check_disk(written)

    def _check_disk(self, written: int) -> None:
        disk = os.statvfs(self._folder)
        reserve = min(self._reserve, disk.f_blocks * disk.f_frsize // 4)
        if disk.f_blocks and disk.f_bavail * disk.f_frsize < reserve + written:
            self._unseen = _UNSEEN  # and so the next send looks again
            raise QueueUnavailableError(
                f"The disk of {self._path} is full: its last {reserve} bytes are kept, so that a consumer can "
                "empty the queue (QUEUE_RESERVE_BYTES)"
            )


def _size(path: str) -> int:
    return os.stat(path).st_size  # noqa: PTH116  # for many sends, and a Path takes twice as long
