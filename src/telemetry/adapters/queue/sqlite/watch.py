"""Whether the files of an open queue are still those that were opened, and whether damage is known.

SQLite does not notice that a file was removed, replaced or emptied: it goes on with what it holds open, and
the next process begins a queue of its own. Damage it notices only where it reads, so that a sender would fill
a file that nobody can empty. So whoever meets damage says so in a file beside the queue, the mark, and
everybody looks for it.
"""

import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from telemetry.domain.transport.queue import QueueDamagedError

_log: Final = logging.getLogger(__name__)

_PARTS: Final = ("", "-wal", "-shm")
_NEVER: Final = -1
_TRACELESS_NS: Final = 1_000_000_000  # far more than the grain of any file system's times


def part(path: Path, ending: str) -> Path:
    """Return the path of a file beside that of the queue: its log `-wal`, or the mark `-damaged`."""
    return path.with_name(path.name + ending)


def mark(path: Path) -> Path:
    """Return where damage of a queue is written down."""
    return part(path, "-damaged")


def damaged(path: Path, why: str) -> QueueDamagedError:
    """Say what is wrong with a queue, and the way out."""
    return QueueDamagedError(
        f"The queue {path} (DATA_DIR) is damaged and takes nothing more: {why}; "
        "stop all roles, and run telemetry queue recover"
    )


def recovered(path: Path) -> Path:
    """Return where a recovered queue is until it takes the place of the damaged one."""
    return part(path, "-recovered")


def check_new(path: Path) -> None:
    """Raise QueueDamagedError if a queue would be opened that is not the one that should be there."""
    if recovered(path).exists():
        raise damaged(path, "its recovery was interrupted")
    log = part(path, "-wal")
    if not _size(path) and _size(log):
        raise damaged(path, f"the file is {'empty' if path.exists() else 'not there'}, and {log.name} is")


def found(path: Path, why: str) -> QueueDamagedError:
    """Write damage down, say it once, and return the error that says it."""
    error = damaged(path, why)
    with suppress(OSError):  # it is there already, or the disk is full and others find out by themselves
        descriptor = os.open(mark(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{why}\n")
        _log.error("Queue damaged: %s", error)
    return error


class Watch:
    """The files of one open queue. The main one never shrinks while it is open.

    As long as nothing in their folder gets another name, they are what they were, and only the folder is
    looked at. A change within the second before a look may be followed by one that leaves no trace.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = str(mark(path))
        self._name, self._folder = str(path), str(path.parent)
        self._known = [(name, _number(name)) for name in (str(part(path, ending)) for ending in _PARTS)]
        self._size = _size(path)
        self._changed_ns = _NEVER

    def check(self) -> None:
        """Raise QueueDamagedError if a file is not the one that was opened, or damage is known."""
        changed_ns = _changed_ns(self._folder)
        if changed_ns != self._changed_ns:
            self._changed_ns = _NEVER
            self.check_files()
            if os.path.exists(self._mark):  # noqa: PTH110  # for each send, and a Path takes twice as long
                raise damaged(self._path, _first_line(self._mark))
            if time.time_ns() - changed_ns > _TRACELESS_NS:
                self._changed_ns = changed_ns
        self._check_size()

    def check_files(self) -> None:
        """Raise QueueDamagedError if a file is not the one that was opened."""
        for name, known in self._known:
            there = _number(name)
            if there != known:
                raise _another(name, "removed" if there is None else "replaced")
        self._check_size()

    def _check_size(self) -> None:
        """Raise QueueDamagedError if the file was cut, which is damage, or is gone, which is none yet."""
        try:
            size = os.stat(self._name).st_size  # noqa: PTH116  # for each send, as above
        except OSError:
            raise _another(self._name, "removed") from None
        if size < self._size:
            raise found(self._path, f"the file was cut from {self._size} bytes to {size} while it is in use")
        self._size = size


def _another(name: str, what: str) -> QueueDamagedError:
    return QueueDamagedError(
        f"{name} was removed or replaced while the queue is in use ({what}): "
        "stop all roles, put the file back if there is one, and start them again"
    )


def _changed_ns(folder: str) -> int:
    """Return when something in a folder was made, removed or renamed last."""
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116  # as above
    except OSError:
        return _NEVER


def _number(path: Path | str) -> tuple[int, int] | None:
    """Return what a file is for its file system; None if it is not there."""
    try:
        status = os.stat(path)  # noqa: PTH116  # as above
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().partition("\n")[0]
    except OSError as error:
        return str(error)


def _size(path: Path | str) -> int:
    """Return the bytes of a file, 0 if it is not there."""
    try:
        return os.stat(path).st_size  # noqa: PTH116  # for the same reason
    except OSError:
        return 0
