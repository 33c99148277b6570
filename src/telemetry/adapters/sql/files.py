"""Where the objects of a question are as files: in the local store where they lie, else copied to a folder.

Compressed lines are copied too: a reader that finds the end of a damaged file takes it for the end.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from telemetry.domain.errors import OutOfReachError, TelemetryError, UsageError
from telemetry.domain.store import objects
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError, Storage
from telemetry.domain.together import Together

MOST: Final = 20_000_000_000
"""Bytes of objects that are copied for one question."""

_ZST: Final = ".zst"
_WILD: Final = frozenset("*?[")


class FilesGoneError(OutOfReachError):
    """An object was removed after it was listed; the same question finds what took its place."""


class Brought(NamedTuple):
    """The files of objects, and the objects that are left out, because they are damaged or cannot be read."""

    files: Sequence[str]
    damage: Sequence[DamagedObjectError]


class Files:
    """Brings objects to `folder`, if they are not files below `root` already."""

    def __init__(self, storage: Storage, together: Together, folder: Path, root: Path | None) -> None:
        self._storage = storage
        self._together = together
        self._folder = folder
        self._root = root

    async def of(self, infos: Sequence[ObjectInfo]) -> Brought:
        """Return the files of objects, in their order.

        Raise UsageError if they are too large to be copied, FilesGoneError, or StoreUnavailableError.
        """
        copied = [info for info in infos if not self._lies(info)]
        if (size := sum(info.size for info in copied)) > MOST:
            raise UsageError(
                f"{size / 1e9:.0f} GB would have to be copied for this question; narrow it by --from and --to"
            )
        made = await self._together([partial(self._copy, info) for info in copied])
        if gone := next((each for each in made if isinstance(each, ObjectNotFoundError)), None):
            raise FilesGoneError(f"{gone} was removed after it was listed") from gone
        damage = [
            objects.unread(info.key, each)
            for info, each in zip(copied, made, strict=True)
            if isinstance(each, TelemetryError)
        ]
        objects.check_reach(damage, len(copied))
        return Brought(list(self._files(infos, {each.key for each in damage})), damage)

    def _lies(self, info: ObjectInfo) -> bool:
        """Return whether an object is read where it is; a name with wildcards would be read as a pattern."""
        if self._root is None or info.key.endswith(_ZST):
            return False
        return _WILD.isdisjoint(str(self._root / info.key))

    def _files(self, infos: Sequence[ObjectInfo], without: set[str]) -> Iterator[str]:
        for info in infos:
            if info.key not in without:
                yield str(self._root / info.key if self._root and self._lies(info) else self._path(info.key))

    def _path(self, key: str) -> Path:
        name = "".join("_" if each in _WILD else each for each in key.removesuffix(_ZST))
        return self._folder / name

    async def _copy(self, info: ObjectInfo) -> None:
        content = objects.decode_content(info.key, await self._storage.get(info.key))
        path = self._path(info.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
