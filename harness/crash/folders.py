"""A folder on a disk that loses power: the names that are durable, and what may be found of other changes."""

from collections.abc import Mapping, Sequence
from random import Random

from harness.crash.files import File


class Folder:
    """The names in a folder: those that are durable, and the changes that are not, in their order."""

    def __init__(self) -> None:
        self.durable: dict[str, File | Folder] = {}
        self.names: dict[str, File | Folder] = {}
        self.pending: list[Change] = []

    def change(self, change: "Change") -> None:
        self.pending.append(change)
        _apply(self.names, change)

    def sync(self) -> None:
        self.durable = dict(self.names)
        self.pending.clear()

    def after(self, changes: Sequence["Change"]) -> Mapping[str, "File | Folder"]:
        """Return the names if these of the changes that are not durable are there."""
        names = dict(self.durable)
        for each in changes:
            _apply(names, each)
        return names

    def all(self) -> "Sequence[File | Folder]":
        """Return all that a name leads to, or led to before changes that may be lost."""
        found = [*self.durable.values(), *self.names.values()]
        found += [what for change in self.pending for what in change.values() if what is not None]
        return list(dict.fromkeys(found))

    def some(self, random: Random) -> Sequence["Change"]:
        """Draw which changes are there: some from the first on, or any."""
        if random.random() < 1 / 2:
            return self.pending[: random.randint(0, len(self.pending))]
        return [each for each in self.pending if random.random() < 1 / 2]


Change = Mapping[str, File | Folder | None]
"""To what each name leads that changes at once; None if it is removed."""


def _apply(names: dict[str, File | Folder], change: Change) -> None:
    for name, what in change.items():
        if what is None:
            names.pop(name, None)
        else:
            names[name] = what
