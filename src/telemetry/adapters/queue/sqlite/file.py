"""The file of the embedded queue: how it is made, opened and changed, and what its errors say."""

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from telemetry.adapters.queue.sqlite import schema, statements
from telemetry.domain.transport.queue import QueueUnavailableError

_BUSY_S: Final = 10.0  # wait for another process's transaction, which takes milliseconds
_LOOK_EVERY_S: Final = 0.02


class QueueFile(msgspec.Struct, frozen=True):
    """Where the file is, and with which modes it and its folder are made; None leaves them to the umask."""

    path: Path
    file_mode: int | None = 0o600
    folder_mode: int | None = 0o700

    def open(self) -> sqlite3.Connection:
        """Open the file, which is made if need be; wait while others that open it keep it locked.

        Raise QueueUnavailableError if it cannot be opened or is of another kind.
        """
        deadline_s = time.monotonic() + _BUSY_S
        with self.errors():
            self._make_folder(self.path.parent)
            self._make_file()
            while True:
                try:
                    return self._connect()
                except sqlite3.OperationalError as error:
                    # The switch to WAL needs a lock for which SQLite does not wait by itself.
                    if not _is_busy(error) or time.monotonic() > deadline_s:
                        raise
                time.sleep(_LOOK_EVERY_S)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn an error of SQLite or of the file system into QueueUnavailableError."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise QueueUnavailableError(
                f"The queue {self.path} (DATA_DIR) cannot be used: {error}"
            ) from error

    def _make_folder(self, folder: Path) -> None:
        if not folder.exists():
            self._make_folder(folder.parent)
            with suppress(FileExistsError):  # another process was faster
                folder.mkdir(mode=0o777 if self.folder_mode is None else 0o700)
                if self.folder_mode is not None:
                    folder.chmod(self.folder_mode | folder.stat().st_mode & stat.S_ISGID)

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
        schema.upgrade(db)


def _is_busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # the higher bits say why it is busy
