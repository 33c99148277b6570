"""The file of the embedded queue: how it is made, opened and changed, and what its errors say."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from telemetry.adapters import folders
from telemetry.adapters.queue.sqlite import schema, statements, watch
from telemetry.domain.transport.queue import QueueUnavailableError

Row = tuple[int, int, int, bytes]
"""A message: its number, how often it was received, when it was sent, and its body."""

_DAMAGE: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_CUT: Final = {sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}
_LOG_SIZE: Final = 8 * 1024 * 1024  # bytes beyond which SQLite's log is cut when it is written back
_BUSY_S: Final = 10.0  # wait for another process's transaction, which takes milliseconds
_LOOK_EVERY_S: Final = 0.02


class QueueFile(msgspec.Struct, frozen=True):
    """Where the file is, and with which modes it and its folder are made; None leaves them to the umask."""

    path: Path
    file_mode: int | None = 0o600
    folder_mode: int | None = 0o700

    def open(self) -> tuple[sqlite3.Connection, bool]:
        """Open the file, and say whether it is new; wait while others that open it keep it locked.

        Raise QueueUnavailableError if it cannot be opened or is of another kind.
        """
        deadline_s = time.monotonic() + _BUSY_S
        watch.check_new(self.path)
        is_new = not self.path.exists() or not self.path.stat().st_size
        with self.errors():
            folders.make(self.path.parent, self.folder_mode)
            folders.sync_above(self.path.parent, self.path.parent)
            self._make_file()
            while True:
                try:
                    return self._connect(), is_new
                except sqlite3.OperationalError as error:
                    # The switch to WAL needs a lock for which SQLite does not wait by itself.
                    if not _is_busy(error) or time.monotonic() > deadline_s:
                        raise
                time.sleep(_LOOK_EVERY_S)

    def copy(self, target: Path) -> None:
        """Copy the queue as it is at one moment to another file, while others go on using it.

        The copy is synced before it has its name. Raise QueueUnavailableError if there is no queue, or if it
        cannot be copied.
        """
        part = msgspec.structs.replace(self, path=target.with_name(f".{target.name}.unfinished"))
        with self.errors():
            part.path.unlink(missing_ok=True)
            part._make_file()  # noqa: SLF001  # of the same class
            with (
                closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=rw", uri=True)) as source,
                closing(sqlite3.connect(part.path)) as copy,
            ):
                source.backup(copy)
            part.path.rename(target)
            folders.sync(target.parent)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raise QueueUnavailableError for errors of SQLite and files, and QueueDamagedError for damage."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and is_damage(error):
                raise watch.found(self.path, str(error)) from error
            raise QueueUnavailableError(
                f"The queue {self.path} (DATA_DIR) cannot be used: {error}"
            ) from error

    def _make_file(self) -> None:
        """Make the file, if it is not there, so that SQLite does not choose its mode."""
        if self.file_mode is None:
            return
        with suppress(FileExistsError):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.fchmod(descriptor, self.file_mode)
            finally:
                os.close(descriptor)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        if not schema.is_known(db):
            raise QueueUnavailableError(
                f"{self.path} is no queue of version {schema.VERSION}, "
                f"but a database of version {schema.version_of(db)}"
            )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(statements.UNSYNCED)
        db.execute(f"PRAGMA journal_size_limit = {_LOG_SIZE}")
        schema.upgrade(db)


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether the file is not what SQLite wrote, rather than out of reach."""
    code = getattr(error, "sqlite_errorcode", 0)  # which errors of Python's module do not have
    return code in _CUT or code & 0xFF in _DAMAGE


def _is_busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # the higher bits say why it is busy
