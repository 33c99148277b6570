"""How a damaged queue is examined, and how what is left of it becomes a fresh one.

The fresh queue is written beside the damaged one and takes its place at the end. The damaged files are kept
under other names. Whatever kills the process on the way, no message is in neither: until the fresh queue is
whole and synced, nothing of the damaged one changes, and from then on the next run only goes on from there.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from telemetry.adapters import folders
from telemetry.adapters.queue.sqlite import salvage, schema, watch
from telemetry.adapters.queue.sqlite.file import QueueFile
from telemetry.adapters.queue.sqlite.pages import InUseError, Pages
from telemetry.adapters.queue.sqlite.salvage import Message
from telemetry.domain.transport.queue import QueueUnavailableError

_SAVE: Final = """
INSERT INTO messages (number, sent, since, until, receives, strikes, state)
VALUES (:number, :sent_ms, 0, 0, :receives, :strikes, :state)
"""
_SAVE_BODY: Final = "INSERT INTO bodies (number, body) VALUES (:number, :body)"
_AT_ONCE: Final = 1000  # messages of a transaction


class Found(msgspec.Struct):
    """How many messages are whole, how many of these are dead letters, and what is left of the others."""

    whole: int = 0
    dead: int = 0
    lost: list[Message] = []

    def add(self, message: Message) -> bool:
        """Count a message; return whether it is whole."""
        if message.is_whole:
            self.whole += 1
            self.dead += message.state == schema.DEAD
        else:
            self.lost.append(message)
        return message.is_whole


class Recovery:
    """The recovery of the queue in the file `path`, at one moment."""

    def __init__(self, file: QueueFile, now_ms: int) -> None:
        self._file = file
        self._path = file.path
        self._now_ms = now_ms

    def examine(self) -> tuple[Found | None, Sequence[str]]:
        """Count what can be read, and say what is wrong; note damage for all who use the queue.

        While others use it, only what SQLite says of it is true, and nothing is counted.
        """
        found, faults = Found(), list(self._faults())
        try:
            with Pages(self._path) as pages:
                for message in salvage.messages(pages, self._now_ms):
                    found.add(message)
        except InUseError:
            return None, self._noted(faults)
        if found.lost:
            faults.append(f"{len(found.lost)} messages cannot be read")
        return found, self._noted(faults)

    def recover(self, keep: Callable[[Sequence[Message]], None]) -> tuple[Found, Path | None]:
        """Put what can be read into a fresh queue, and have `keep` keep the rest durably.

        Return what there was, and where the damaged file is now. Raise QueueUnavailableError if the queue is
        in use.
        """
        found, fresh = Found(), watch.part(self._path, "-recovering")
        try:
            with Pages(self._path) as pages:
                if not watch.recovered(self._path).exists():
                    _remove(fresh)
                    there = salvage.messages(pages, self._now_ms)
                    self._write(fresh, (each for each in there if found.add(each)))
                    keep(found.lost)
                    fresh.rename(watch.recovered(self._path))
                    folders.sync(self._path.parent)
                return found, self._replace()
        except InUseError:
            raise QueueUnavailableError(f"{self._path} (DATA_DIR) is in use: stop all roles first") from None

    def _noted(self, faults: Sequence[str]) -> Sequence[str]:
        if faults:
            watch.found(self._path, faults[0])
        elif (mark := watch.mark(self._path)).exists():
            return [f"it is marked as damaged, and nothing is found now: {mark.read_text().strip()}"]
        return faults

    def _faults(self) -> Iterator[str]:
        """Yield what SQLite finds wrong, without writing the log back, of which SQLite may read less."""
        how = "mode=ro" if watch.part(self._path, "-wal").exists() else "mode=ro&immutable=1"
        try:
            with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?{how}", uri=True)) as db:
                if not schema.is_known(db):
                    yield f"it is no queue, but a database of version {schema.version_of(db)}"
                for (found,) in db.execute("PRAGMA integrity_check(5)"):
                    yield from (line for line in found.splitlines() if line != "ok" and line[:3] != "***")
        except sqlite3.Error as error:
            yield str(error)

    def _write(self, fresh: Path, messages: Iterator[Message]) -> None:
        db, _ = msgspec.structs.replace(self._file, path=fresh).open()
        with closing(db), self._file.errors():
            db.execute("PRAGMA synchronous = FULL")
            while batch := [message for message, _ in zip(messages, range(_AT_ONCE), strict=False)]:
                db.execute("BEGIN IMMEDIATE")
                rows = [message._asdict() for message in batch]
                db.executemany(_SAVE, rows)
                db.executemany(_SAVE_BODY, rows)
                db.execute("COMMIT")

    def _replace(self) -> Path | None:
        """Put the fresh queue in the place of the damaged one, which is kept; return where it is."""
        kept = watch.part(self._path, f"-damaged-{self._now_ms}")
        log = watch.part(self._path, "-wal")
        for old, new in ((self._path, kept), (log, watch.part(kept, "-wal"))):
            if old.exists():
                os.link(old, new)
        for old in (log, watch.part(self._path, "-shm")):
            old.unlink(missing_ok=True)
        folders.sync(self._path.parent)
        watch.recovered(self._path).replace(self._path)
        watch.mark(self._path).unlink(missing_ok=True)
        folders.sync(self._path.parent)
        return kept if kept.exists() else None


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        watch.part(path, ending).unlink(missing_ok=True)
