"""A disk that loses power: what of the operations on it is there afterwards, in all ways that are possible.

- What was written to a file is there for certain once the file was synced. Before that each of these may be
  found: nothing of it, all of it, half of it, or as many bytes, all zero.
- A name that was made, changed or removed is so for certain once its folder was synced. Before that, of the
  changes in one folder any number from the first on may be found: a journal keeps their order. Folders do
  not wait for each other. A sync of a file does not make its name durable.
- A rename is found whole or not at all.

So the model is weaker than ext4, XFS and Btrfs with their usual options, on which a sync of a file makes its
name durable too. What survives it survives on them.
"""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final

from harness.crash.trace import Operation

FATES: Final = ("nothing", "all", "half", "zeros")
"""What may become of what was written to a file and not synced."""

_SAMPLES: Final = 2
_GONE: Final = "-shm"
"""The end of the name of SQLite's index of its log, which is memory and made anew after a crash."""


class _File:
    def __init__(self) -> None:
        self.durable = b""
        self.pending: list[Operation] = []

    def content(self, fate: str) -> bytes:
        if fate == "nothing":
            return self.durable
        whole = _applied(self.durable, self.pending)
        if fate == "all":
            return whole
        if fate == "zeros":
            return (self.durable + bytes(max(0, len(whole) - len(self.durable))))[: len(whole)]
        half = len(self.pending) // 2
        cut = [each._replace(data=each.data[: len(each.data) // 2]) for each in self.pending[half : half + 1]]
        return _applied(self.durable, [*self.pending[:half], *cut])


def _applied(content: bytes, operations: Sequence[Operation]) -> bytes:
    made = bytearray(content)
    for each in operations:
        if each.kind == "cut":
            del made[each.offset :]
            made += bytes(max(0, each.offset - len(made)))
            continue
        start = len(made) if each.offset < 0 else each.offset
        made += bytes(max(0, start - len(made)))
        made[start : start + len(each.data)] = each.data
    return bytes(made)


class _Folder:
    """The names in a folder: those that are durable, and the changes that are not, in their order."""

    def __init__(self) -> None:
        self.durable: dict[str, _File | _Folder] = {}
        self.names: dict[str, _File | _Folder] = {}
        self.pending: list[Mapping[str, _File | _Folder | None]] = []

    def change(self, change: Mapping[str, "_File | _Folder | None"]) -> None:
        self.pending.append(change)
        _apply(self.names, change)

    def sync(self) -> None:
        self.durable = dict(self.names)
        self.pending.clear()

    def after(self, changes: int) -> Mapping[str, "_File | _Folder"]:
        """Return the names if so many of the changes that are not durable are there."""
        names = dict(self.durable)
        for each in self.pending[:changes]:
            _apply(names, each)
        return names


def _apply(names: "dict[str, _File | _Folder]", change: "Mapping[str, _File | _Folder | None]") -> None:
    for name, what in change.items():
        if what is None:
            names.pop(name, None)
        else:
            names[name] = what


class Disk:
    """A folder on a disk, to which operations are applied one after another."""

    def __init__(self) -> None:
        self._root = _Folder()

    def apply(self, operation: Operation) -> None:
        """Do what an operation does; all of it is pending until its file or folder is synced."""
        match operation.kind:
            case "write" | "cut":
                file = self._find(operation.path)
                if isinstance(file, _File):  # else it was removed while it is open
                    file.pending.append(operation)
            case "sync":
                self._sync(operation.path)
            case "make":
                folder, name = self._place(operation.path)
                if name not in folder.names:
                    folder.change({name: _File()})
            case "folder":
                folder, name = self._place(operation.path)
                folder.change({name: _Folder()})
            case "rename":
                folder, name = self._place(operation.path)
                _, new = self._place(operation.other)
                folder.change({new: folder.names[name], name: None})
            case "link":
                folder, new = self._place(operation.other)
                folder.change({new: self._find(operation.path)})
            case "remove":
                folder, name = self._place(operation.path)
                folder.change({name: None})

    def waits(self, path: str) -> bool:
        """Return whether a sync of a file or folder would make anything durable."""
        what = self._find(path)
        return what is not None and bool(what.pending)

    def states(self, random: Random) -> Iterator[Mapping[str, bytes]]:
        """Yield what may be found after a power cut now: the content of each file, by its path.

        That nothing and that all is there, each single fate of a file or folder among those, and some drawn.
        """
        files, folders = list(self._files()), list(self._folders())
        waiting = [each for each in files if each.pending]
        open_folders = [each for each in folders if each.pending]
        for extreme in (False, True):
            usual = dict.fromkeys(waiting, "all" if extreme else "nothing")
            names = {each: len(each.pending) if extreme else 0 for each in open_folders}
            for changes in (names, {each: len(each.pending) - names[each] for each in names}):
                yield self._found(usual, changes)
                for file in waiting:
                    for fate in FATES:
                        yield self._found({**usual, file: fate}, changes)
            for folder in open_folders:
                for count in range(1, len(folder.pending)):
                    yield self._found(usual, {**names, folder: count})
        for _ in range(_SAMPLES if waiting or open_folders else 0):
            yield self._found(
                {each: random.choice(FATES) for each in waiting},
                {each: random.randint(0, len(each.pending)) for each in open_folders},
            )

    def _found(self, fates: Mapping[_File, str], changes: Mapping[_Folder, int]) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}

        def walk(folder: _Folder, path: str) -> None:
            for name, what in folder.after(changes.get(folder, 0)).items():
                if isinstance(what, _Folder):
                    walk(what, f"{path}{name}/")
                elif not name.endswith(_GONE):
                    found[path + name] = what.content(fates.get(what, "nothing"))

        walk(self._root, "")
        return found

    def _sync(self, path: str) -> None:
        what = self._find(path)
        if isinstance(what, _Folder):
            what.sync()
        elif isinstance(what, _File):
            what.durable = what.content("all")
            what.pending.clear()

    def _place(self, path: str) -> tuple[_Folder, str]:
        """Return the folder of a path, and its name in there."""
        where, _, name = path.rpartition("/")
        folder = self._find(where)
        assert isinstance(folder, _Folder), path
        return folder, name

    def _find(self, path: str) -> "_File | _Folder | None":
        found: _File | _Folder | None = self._root
        for name in filter(None, path.split("/")):
            if not isinstance(found, _Folder):
                return None
            found = found.names.get(name)
        return found

    def _folders(self) -> Iterator[_Folder]:
        """Yield all folders that are in use or were, and may be found again."""
        left = [self._root]
        while left:
            folder = left.pop()
            yield folder
            left += [each for each in _all_in(folder) if isinstance(each, _Folder)]

    def _files(self) -> Iterator[_File]:
        for folder in self._folders():
            yield from (each for each in _all_in(folder) if isinstance(each, _File))


def _all_in(folder: _Folder) -> "Sequence[_File | _Folder]":
    """Return all that a name in a folder leads to, or led to before changes that may be lost."""
    found = [*folder.durable.values(), *folder.names.values()]
    found += [what for change in folder.pending for what in change.values() if what is not None]
    return list(dict.fromkeys(found))
