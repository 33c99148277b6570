"""The store in a folder: an object is a file, which appears under its name whole and synced, or not at all.

It is written to a temporary file in the same folder, synced, and renamed. Then the folder is synced, because
only that makes a rename durable. Every folder above that had to be made is synced too. Temporary files begin
with a dot and are in no listing, and what a crash leaves is removed at the next write into its folder.
"""

import asyncio
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, TypeVar

from telemetry.adapters import folders
from telemetry.adapters.storage import temporary
from telemetry.domain.store.storage import (
    ObjectExistsError,
    ObjectInfo,
    ObjectNotFoundError,
    StoreUnavailableError,
)

R = TypeVar("R")


_TEMPORARY: Final = temporary.PREFIX
_NO_OBJECT: Final = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class LocalStorage:
    """Objects as files below `root`; each call runs in a thread."""

    def __init__(self, root: Path, file_mode: int | None = 0o600, folder_mode: int | None = 0o700) -> None:
        """Make files and folders with these modes, whatever the umask is; None leaves them to the umask."""
        self._root = root
        self._file_mode = file_mode
        self._folder_mode = folder_mode
        self._cleaned: set[Path] = set()

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        path = self._path(key)
        await _in_thread(lambda: self._put(path, data, overwrite=overwrite))

    async def get(self, key: str) -> bytes:
        path = self._path(key)
        return await _in_thread(lambda: self._get(path, key))

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        return await _in_thread(lambda: sorted(self._list(prefix)))

    async def folders(self, prefix: str) -> Sequence[str]:
        return await _in_thread(lambda: sorted(self._folders(prefix)))

    async def delete(self, key: str) -> None:
        path = self._path(key)
        await _in_thread(lambda: self._delete(path))

    async def close(self) -> None:
        pass

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if not all(map(_is_named, parts)):
            raise ValueError(f"{key!r} is no key: its parts are not empty and do not begin with a dot.")
        return self._root.joinpath(*parts)

    @staticmethod
    def _get(path: Path, key: str) -> bytes:
        try:
            return path.read_bytes()
        except _NO_OBJECT:
            raise ObjectNotFoundError(key) from None

    def _put(self, path: Path, data: bytes, *, overwrite: bool) -> None:
        if not overwrite and path.exists():
            self._compare(path, data)
            return
        folders.make(path.parent, self._folder_mode)
        self._begin(path.parent)
        try:
            self._write(path, data, overwrite=overwrite)
        except FileExistsError:  # another writer was faster
            self._compare(path, data)
        else:
            folders.sync(path.parent)

    def _compare(self, path: Path, data: bytes) -> None:
        """Make sure that what is there is this; its writer may have ended before it was durable."""
        if path.read_bytes() != data:
            raise ObjectExistsError(path.relative_to(self._root).as_posix())
        folders.sync(path.parent)

    def _write(self, path: Path, data: bytes, *, overwrite: bool) -> None:
        """Write a file. Raise FileExistsError if it is there and may not be replaced."""
        with (
            ExitStack() as stack,
            temporary.replacing(path, 0o666 if self._file_mode is None else 0o600) as file,
        ):
            if self._file_mode is not None:
                os.fchmod(file.fileno(), self._file_mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if not overwrite:
                stack.enter_context(folders.locked(path.parent))  # until it has its name
                if path.exists():
                    raise FileExistsError(path)

    def _begin(self, folder: Path) -> None:
        """Put right what killed writers left of a folder, when this process writes there for the first time.

        Their temporary files are removed, and what they may not have synced any more is synced.
        """
        if folder not in self._cleaned:
            folders.sync_above(folder, self._root)
            temporary.clean(folder)
            self._cleaned.add(folder)

    def _list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects with a prefix, from a walk of the deepest folder that it names in full."""
        folder = prefix[: prefix.rfind("/") + 1]
        if not all(map(_is_named, folder.split("/")[:-1])):
            return  # no key has such a part, but `..` would lead to folders outside of the root
        below = [folder]
        while below:
            folder = below.pop()
            for entry in self._entries(folder):
                key = folder + entry.name
                if not _is_part(entry.name):
                    continue
                if _is_folder(entry):
                    if not entry.is_symlink():
                        below.append(f"{key}/")
                elif key.startswith(prefix) and (info := _object(key, entry)):
                    yield info

    def _entries(self, folder: str) -> Sequence["os.DirEntry[str]"]:
        """Read a folder, of which there is nothing if it is gone: any other error would look like loss."""
        try:
            with os.scandir(f"{self._root}/{folder}") as entries:
                return list(entries)
        except _NO_OBJECT:
            return []

    def _folders(self, prefix: str) -> Iterator[str]:
        parts = prefix.split("/")[:-1]
        if any(part.startswith(_TEMPORARY) for part in parts):
            return  # as above
        with suppress(*_NO_OBJECT):
            for entry in os.scandir(self._root.joinpath(*parts)):
                if entry.is_dir() and _is_part(entry.name):
                    yield f"{prefix}{entry.name}/"

    def _delete(self, path: Path) -> None:
        with suppress(*_NO_OBJECT):
            path.unlink()
        with suppress(*_NO_OBJECT):
            folders.sync(path.parent)


def _is_part(name: str) -> bool:
    """Return whether a name may be part of a key: it is text, and not that of a temporary file."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return not name.startswith(_TEMPORARY)


def _is_named(part: str) -> bool:
    return bool(part) and not part.startswith(_TEMPORARY)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _object(key: str, entry: "os.DirEntry[str]") -> ObjectInfo | None:
    """Describe a file; None if it was deleted after its folder was read, or is no file.

    A link that leads nowhere is described itself, so that it is listed and named. The rename is the last
    change of the inode, so that its time is the moment at which the object appeared.
    """
    try:
        status = entry.stat()
    except OSError:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
    if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
        return ObjectInfo(key, status.st_size, status.st_ctime_ns // 1_000_000)
    return None


async def _in_thread(work: Callable[[], R]) -> R:
    """Do blocking work in a thread. Raise StoreUnavailableError if the file system refuses it."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise StoreUnavailableError(str(error)) from error
