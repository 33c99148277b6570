"""What the workers of a receiver share of the rates of keys: a file in memory, with a lock for each key.

The file is a table of slots. A slot has the identity of a key, and until when all that the key has sent takes
at its rate, in seconds of the monotonic clock, which is one for all processes of a machine. The kernel keeps
the locks, so that they end with a worker that is killed.
"""

import fcntl
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_IDENTITY: Final = 24
_SLOT: Final = _IDENTITY + 8
_SLOTS: Final = 65_536  # most of which stay a hole in the file
_NOBODY: Final = bytes(_IDENTITY)


class SharedDues:
    """A table in the file `path`, which is made if need be."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, _SLOTS * _SLOT)
        self._table = mmap.mmap(self._file, _SLOTS * _SLOT)
        self._dues = memoryview(self._table).cast("d")  # 8 bytes, which are read at once

    def of(self, identity: bytes) -> "SharedDue":
        """Return the due of a key, by an identity that has at least 24 bytes and is evenly distributed."""
        mine = identity[:_IDENTITY]
        first = int.from_bytes(mine[:8], "big") % _SLOTS
        for place in (number % _SLOTS for number in range(first, first + _SLOTS)):
            start = place * _SLOT
            with self.locked(start):
                found = self._table[start : start + _IDENTITY]
                if found == _NOBODY:
                    self._table[start : start + _IDENTITY] = found = mine
            if found == mine:
                return SharedDue(self, self._dues, start)
        raise OSError(f"There were more than {_SLOTS} keys with a rate since the receiver started.")

    @contextmanager
    def locked(self, start: int) -> Iterator[None]:
        """Hold the lock of the slot that begins at `start`."""
        fcntl.lockf(self._file, fcntl.LOCK_EX, _SLOT, start)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _SLOT, start)


class SharedDue:
    """The due of one key."""

    def __init__(self, table: SharedDues, dues: "memoryview[float]", start: int) -> None:
        self._table = table
        self._dues = dues
        self._start = start
        self._place = (start + _IDENTITY) // 8

    def read(self) -> float:
        due_s: float = self._dues[self._place]
        return due_s

    def change(self, to: Callable[[float], float]) -> None:
        """Replace it by a function of it, while no other process does the same."""
        with self._table.locked(self._start):
            self._dues[self._place] = to(self._dues[self._place])
