"""A disk that loses power: what of the operations on it is there afterwards, in all ways that are possible.

- What was written to a file is there for certain once the file was synced. Before that, `files` says what
  may be found.
- A name that was made, changed or removed is so for certain once its folder was synced. Before that, any of
  the changes in one folder may be found, in whatever order they came. Folders do not wait for each other. A
  sync of a file does not make its name durable.
- A rename in one folder is found whole or not at all.

This is meant to allow all that ext4, XFS and Btrfs may leave with their usual options. They allow less: on
ext4 and XFS the changes of names come in their order, and on all three a sync of a new file makes its name
durable too. A rename to another folder is not modelled.
"""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final

from harness.crash.files import File
from harness.crash.folders import Change, Folder
from harness.crash.trace import Operation

_SAMPLES: Final = 4
GONE: Final = "-shm"
"""The end of the name of SQLite's index of its log, which is memory and made anew after a crash."""


class Disk:
    """A folder on a disk, to which operations are applied one after another."""

    def __init__(self) -> None:
        self._root = Folder()

    def apply(self, operation: Operation) -> None:
        """Do what an operation does; all of it is pending until its file or folder is synced."""
        match operation.kind:
            case "write" | "cut":
                file = self._find(operation.path)
                if isinstance(file, File):  # else it was removed while it is open
                    file.change(operation)
            case "sync" if what := self._find(operation.path):
                what.sync()
            case "make":
                folder, name = self._place(operation.path)
                if name not in folder.names:
                    folder.change({name: File()})
            case "folder":
                folder, name = self._place(operation.path)
                folder.change({name: Folder()})
            case "rename" | "link":
                self._lead(operation)
            case "remove":
                folder, name = self._place(operation.path)
                folder.change({name: None})

    def _lead(self, operation: Operation) -> None:
        """Let another name lead to a file or folder, and the first one no more if it is renamed."""
        folder, name = self._place(operation.path)
        other, new = self._place(operation.other)
        if operation.kind == "link":
            other.change({new: folder.names[name]})
        elif other is folder:
            folder.change({new: folder.names[name], name: None})
        else:
            raise NotImplementedError(f"{operation.path} is renamed to another folder.")

    def waits(self, path: str) -> bool:
        """Return whether a sync of a file or folder would make anything durable."""
        what = self._find(path)
        return what is not None and bool(what.pending)

    def now(self) -> Mapping[str, bytes]:
        """Return the content of each file by its path, as programs see it."""
        return self._found(
            {each: each.now for each in self._files()}, {each: each.pending for each in self._folders()}
        )

    def states(self, random: Random) -> Iterator[Mapping[str, bytes]]:
        """Yield what may be found after a power cut now: the content of each file, by its path.

        That nothing and that all is there, each single difference of a file or folder from those, and some
        that are drawn.
        """
        files = [each for each in self._files() if each.pending]
        folders = [each for each in self._folders() if each.pending]
        for is_all in (False, True):
            usual = {each: each.now if is_all else each.durable for each in files}
            names = {each: each.pending if is_all else [] for each in folders}
            others = {each: [] if is_all else each.pending for each in folders}
            for changes in (names, others):
                yield self._found(usual, changes)
                for file in files:
                    for content in file.contents(random):
                        yield self._found({**usual, file: content}, changes)
            for folder in folders:
                for count in range(1, len(folder.pending)):
                    yield self._found(usual, {**names, folder: folder.pending[:count]})
                    yield self._found(usual, {**names, folder: folder.pending[count:]})
        for number in range(_SAMPLES if files or folders else 0):
            yield self._found(
                {
                    each: each.torn(random) if number % 2 else random.choice(list(each.contents(random)))
                    for each in files
                },
                {each: each.some(random) for each in folders},
            )

    def _found(
        self, contents: Mapping[File, bytes], changes: Mapping[Folder, Sequence[Change]]
    ) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}

        def walk(folder: Folder, path: str) -> None:
            for name, what in folder.after(changes.get(folder, ())).items():
                if isinstance(what, Folder):
                    walk(what, f"{path}{name}/")
                elif not name.endswith(GONE):
                    found[path + name] = contents.get(what, what.durable)

        walk(self._root, "")
        return found

    def _place(self, path: str) -> tuple[Folder, str]:
        """Return the folder of a path, and its name in there."""
        where, _, name = path.rpartition("/")
        folder = self._find(where)
        assert isinstance(folder, Folder), path
        return folder, name

    def _find(self, path: str) -> "File | Folder | None":
        found: File | Folder | None = self._root
        for name in filter(None, path.split("/")):
            if not isinstance(found, Folder):
                return None
            found = found.names.get(name)
        return found

    def _folders(self) -> Iterator[Folder]:
        """Yield all folders that are in use or were, and may be found again."""
        left = [self._root]
        while left:
            folder = left.pop()
            yield folder
            left += [each for each in folder.all() if isinstance(each, Folder)]

    def _files(self) -> Iterator[File]:
        for folder in self._folders():
            yield from (each for each in folder.all() if isinstance(each, File))
