"""The bytes of a log, wherever they come from: a file, a pipe or standard input, plain or compressed.

Compression is recognised by its first bytes. What is compressed twice is unpacked twice.
"""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final, Protocol, cast

from telemetry.domain.contract.compression import Unzstd

HEAD: Final = 65_536
"""Bytes by which a format is recognised."""

DAMAGE: Final = (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError)
"""What reading raises if compressed bytes are damaged or break off."""


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...


_UNPACK: Final[Mapping[bytes, Callable[[IO[bytes]], Readable]]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"BZh": bz2.BZ2File,
    b"\x28\xb5\x2f\xfd": lambda raw: Unzstd(raw.read),
}


class Stream:
    """The bytes of one log from its start; `head` are the first of them, which are read again.

    `position` is how many bytes of the file were read, `count` how many came out of it. `damage` says why
    the bytes ended before their end. `path` is the file itself, if it is a plain one.
    """

    def __init__(self, raw: Readable, path: Path | None = None) -> None:
        """Raise OSError if the file cannot be read."""
        self._file = _Counter(raw)
        self.damage: str | None = None
        self._plain: Readable = self._file
        self._rest = self._some(HEAD)
        self.path = path
        while unpack := next((_UNPACK[magic] for magic in _UNPACK if self._rest.startswith(magic)), None):
            self.path = None
            self._plain = unpack(cast("IO[bytes]", _Again(self._rest, self._plain)))
            self._rest = self._some(HEAD)
        while len(self._rest) < HEAD and self._rest.count(b"\n") < _LINES and (more := self._some(HEAD)):
            self._rest += more
        self.head = self._rest
        self.count = 0

    @property
    def position(self) -> int:
        return self._file.count

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, of a pipe those that there are by now; none at the end."""
        if self._rest:
            some, self._rest = self._rest[:size], self._rest[size:]
        else:
            some = self._some(size)
        self.count += len(some)
        return some

    def exactly(self, size: int) -> bytes:
        """Return `size` bytes, and fewer only at the end."""
        parts, missing = [], size
        while missing and (more := self.read(missing)):
            parts.append(more)
            missing -= len(more)
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        if self.damage is not None:
            return b""
        try:
            return _some(self._plain, size)
        except DAMAGE as error:
            self.damage = str(error) or type(error).__name__
            return b""


_LINES: Final = 8  # that are enough to tell a format, where there are no more yet


def _some(readable: Readable, size: int) -> bytes:
    """Read what there is by now."""
    read: Callable[[int], bytes] = getattr(readable, "read1", readable.read)
    return read(size)


class _Counter:
    """Counts what is read."""

    def __init__(self, raw: Readable) -> None:
        self._raw = raw
        self.count = 0

    def read(self, size: int, /) -> bytes:
        some = _some(self._raw, size)
        self.count += len(some)
        return some


class _Again:
    """Bytes that were read, and then what follows them."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        some, self._head = self._head[:size], self._head[size:]
        return some or self._rest.read(size)
