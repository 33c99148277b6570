"""The cache in a folder: a file a name, which appears whole, and the oldest of which are removed.

Nothing is synced, because all of it may be lost. A file is mapped and not read, so that of a large one only
those pages are read that are looked at.
"""

import asyncio
import mmap
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

_TEMPORARY: Final = "."
_SHARE: Final = 20
"""After each twentieth part of what may be kept, the oldest is removed."""


class LocalCache:
    """Files below `root`, of `most` bytes in all and a twentieth more; each call runs in a thread."""

    def __init__(
        self, root: Path, most: int, file_mode: int | None = 0o600, folder_mode: int | None = 0o700
    ) -> None:
        self._root = root
        self._most = most
        self._file_mode = 0o666 if file_mode is None else file_mode
        self._folder_mode = 0o777 if folder_mode is None else folder_mode
        self._put_since = most  # what an earlier process left has not been counted yet

    async def get(self, name: str) -> memoryview | None:
        return await asyncio.to_thread(self._get, self._root / name)

    async def put(self, name: str, data: bytes) -> None:
        with suppress(OSError):  # it is lost at once
            await asyncio.to_thread(self._put, self._root / name, data)

    @staticmethod
    def _get(path: Path) -> memoryview | None:
        try:
            with path.open("rb") as file:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError):  # an empty file cannot be mapped
            return None

    def _put(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(mode=self._folder_mode, parents=True, exist_ok=True)
        temporary = path.with_name(f"{_TEMPORARY}{path.name}.{uuid4().hex}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(temporary, flags, self._file_mode), "wb") as file:
                file.write(data)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        self._put_since += len(data)
        if self._put_since > self._most // _SHARE:
            self._put_since = 0
            self._trim()

    def _trim(self) -> None:
        """Remove the oldest files until few enough bytes are left."""
        files = sorted(self._files())
        excess = sum(each.size for each in files) - self._most
        for each in files:
            if excess <= 0:
                return
            each.path.unlink(missing_ok=True)
            excess -= each.size
            with suppress(OSError):  # others are in it
                each.path.parent.rmdir()

    def _files(self) -> Iterator["_File"]:
        for where, _, names in os.walk(self._root):
            for name in names:
                path = Path(where, name)
                with suppress(FileNotFoundError):  # another process removed it
                    status = path.stat()
                    yield _File(status.st_mtime_ns, path, status.st_size)


class _File(NamedTuple):
    written_ns: int
    path: Path
    size: int
