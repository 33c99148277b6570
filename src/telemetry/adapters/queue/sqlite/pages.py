"""The pages of a SQLite file and of its log, read without SQLite, whatever is wrong with them.

A file is a row of pages, counted from 1. Its log, the WAL, has newer versions of some of them: a head of 32
bytes, and then frames, each of 24 bytes and a page. A frame counts if its salts are those of the head, and if
a later frame, or it itself, ends a transaction. The format is that of https://sqlite.org/fileformat.html.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, Self

from telemetry.adapters.queue.sqlite.watch import part

_MAGIC: Final = b"SQLite format 3\0"
_PAGE_SIZES: Final = {1 << bits for bits in range(9, 17)}
_USUAL_SIZE: Final = 4096
_LOG_HEAD: Final = struct.Struct(">IIIIIIII")  # magic, version, page size, count, two salts, two checksums
_FRAME_HEAD: Final = struct.Struct(
    ">IIIIII"
)  # page, pages after the transaction or 0, two salts, two checksums
_LOG_MAGIC: Final = {0x377F0682, 0x377F0683}
_SHARED: Final = 0x40000002, 510
"""The bytes on which each process that uses a file has a lock, as SQLite places and counts them."""


class InUseError(Exception):
    """Another process has the file open."""


class Pages:
    """The newest pages of the file `path`, while no other process uses it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = ExitStack()
        self._in_log: dict[int, int] = {}
        self.count = 0

    def __enter__(self) -> Self:
        """Open the files. Raise InUseError, and OSError."""
        with ExitStack() as files:
            self._file = self._open(files, self._path, "r+b")
            if self._file:
                _lock(self._file)
            self._log = self._open(files, part(self._path, "-wal"), "rb")
            self.size = self._page_size()
            self.count = os.fstat(self._file.fileno()).st_size // self.size if self._file else 0
            self._read_log()
            self._files = files.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def __iter__(self) -> Iterator[int]:
        return iter(range(1, self.count + 1))

    def read(self, number: int) -> bytes:
        """Return a page; one that is not there is empty."""
        if (start := self._in_log.get(number)) is not None and self._log:
            return os.pread(self._log.fileno(), self.size, start)
        return os.pread(self._file.fileno(), self.size, (number - 1) * self.size) if self._file else b""

    @staticmethod
    def _open(files: ExitStack, path: Path, mode: str) -> BinaryIO | None:
        return files.enter_context(path.open(mode)) if path.exists() else None  # type: ignore[return-value]

    def _page_size(self) -> int:
        """Return the size that the head of the file says, or that of the log, or else the usual one."""
        head = os.pread(self._file.fileno(), 18, 0) if self._file else b""
        size = int.from_bytes(head[16:18], "big") if head.startswith(_MAGIC) else 0
        if size not in _PAGE_SIZES and (log := self._log_head()):
            size = log[2]
        return size if size in _PAGE_SIZES else _USUAL_SIZE

    def _log_head(self) -> tuple[int, ...] | None:
        head = os.pread(self._log.fileno(), _LOG_HEAD.size, 0) if self._log else b""
        fields = _LOG_HEAD.unpack(head) if len(head) == _LOG_HEAD.size else (0,)
        return fields if fields[0] in _LOG_MAGIC else None

    def _read_log(self) -> None:
        """Find the newest version of each page in the log, as far as transactions are whole."""
        head = self._log_head()
        if not head or not self._log:
            return
        started: dict[int, int] = {}
        length = os.fstat(self._log.fileno()).st_size
        for start in range(_LOG_HEAD.size, length - self.size, _FRAME_HEAD.size + self.size):
            page, pages, *salts = _FRAME_HEAD.unpack(os.pread(self._log.fileno(), _FRAME_HEAD.size, start))[
                :4
            ]
            if salts != list(head[4:6]):
                continue  # it is older than the head, or damaged
            started[page] = start + _FRAME_HEAD.size
            if pages:
                self._in_log |= started
                started = {}
                self.count = max(self.count, pages)


def _lock(file: BinaryIO) -> None:
    """Keep others from opening the file with SQLite. Raise InUseError if one has."""
    start, length = _SHARED
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
    except OSError as error:
        raise InUseError from error
