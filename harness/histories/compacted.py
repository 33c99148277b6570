"""Compacted hours, read without the product: what a reader follows, and what must not be removed."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from harness.histories import stored
from harness.histories.stored import Line

Objects = Callable[[], Mapping[str, bytes]]
Broken = Callable[[str, str], None]

_TREE: Final = "compacted/"
_MANIFEST: Final = "/_manifest-"


class Manifest(NamedTuple):
    """A manifest: the raw objects that it stands for, by their bytes, and what it names."""

    key: str
    inputs: Mapping[str, int]
    objects: Sequence[str]
    copies: Sequence[str]
    sums: str

    @property
    def named(self) -> Sequence[str]:
        return [*self.objects, *self.copies, self.sums]

    def takes(self, key: str, data: bytes) -> bool:
        """Return whether it stands for a raw object."""
        return self.inputs.get(key) == len(data)


def newest(objects: Mapping[str, bytes], hour: int) -> Manifest | None:
    """Return the manifest of an hour that counts."""
    prefix = f"{_TREE}{stored.folder(hour)}{_MANIFEST}"
    key = max((key for key in objects if key.startswith(prefix)), default=None)
    return None if key is None else _read(key, objects[key])


def _read(key: str, data: bytes) -> Manifest:
    told = stored.decode(data)
    return Manifest(
        key,
        {name: each["size"] for name, each in told["inputs"].items()},
        [each["key"] for each in told["objects"]],
        [each["key"] for each in told["copies"]],
        told["sums"]["key"],
    )


class Lake:
    """Reads the records of hours, and watches what is put into them and removed."""

    def __init__(self, objects: Objects, broken: Broken) -> None:
        self._objects = objects
        self._broken = broken
        self._lines: dict[str, Sequence[Line]] = {}

    def lines(self, key: str) -> Sequence[Line]:
        """Return the lines of an object that is there, or was."""
        if key not in self._lines:
            self._lines[key] = stored.lines_of(key, self._objects()[key])
        return self._lines[key]

    def gone(self) -> Mapping[int, int]:
        """Return how many raw objects were taken up and are not there any more, by their hours."""
        objects = self._objects()
        hours = {stored.hour_at(key) for key in objects if key.startswith(_TREE)}
        manifests = {hour: newest(objects, hour) for hour in hours}
        return {
            hour: sum(key not in objects for key in found.inputs)
            for hour, found in manifests.items()
            if found
        }

    def records(self, hour: int) -> Sequence[Line]:
        """Return the records of an hour, copies too, as a reader sees them."""
        objects, prefix = self._objects(), f"raw/{stored.folder(hour)}/"
        found = newest(objects, hour)
        read = sorted(_below(prefix, objects))
        if found:
            read = [key for key in read if not found.takes(key, objects[key])]
            read += [*found.objects, *found.copies]
        return [line for key in read for line in self.lines(key)]

    def put(self, key: str, data: bytes) -> None:
        """Check an object that was put."""
        if key.startswith(_TREE) and _MANIFEST in key:
            self._check(_read(key, data))

    def removing(self, key: str) -> None:
        """Check an object that is about to be removed."""
        objects = self._objects()
        if key not in objects or not key.startswith(("raw/", _TREE)):
            return
        found = newest(objects, stored.hour_at(key))
        if key.startswith("raw/"):
            self.lines(key)
            if not found or not found.takes(key, objects[key]):
                self._broken("what is removed was taken up", key)
        elif found and key in {found.key, *found.named}:
            self._broken("what a reader follows is not removed", key)

    def _check(self, made: Manifest) -> None:
        """Check that a manifest names what is there, and that this is what it stands for."""
        objects = self._objects()
        if missing := [key for key in made.named if key not in objects]:
            self._broken("what a manifest names is there", f"{made.key}: {missing}")
            return
        taken = [line for key in made.inputs for line in self.lines(key)]
        counting = [line for key in made.objects for line in self.lines(key)]
        copies = [line for key in made.copies for line in self.lines(key)]
        if _counted([*counting, *copies]) != _counted(taken):
            self._broken("a manifest has what was taken up", made.key)
        elif _counted(counting) != _counted(stored.first_of(taken)):
            self._broken("a manifest has each record once", made.key)

    def is_compacted(self, hour: int) -> bool:
        """Return whether all raw objects of an hour were taken up."""
        objects = self._objects()
        found = newest(objects, hour)
        raw = _below(f"raw/{stored.folder(hour)}/", objects)
        return all(found and found.takes(key, objects[key]) for key in raw)

    def is_tidy(self, hour: int, *, is_raw_kept: bool) -> bool:
        """Return whether nothing of a compacted hour is there that nobody needs."""
        objects, folder = self._objects(), stored.folder(hour)
        found = newest(objects, hour)
        named = {found.key, *found.named} if found else set()
        is_raw_there = bool(_below(f"raw/{folder}/", objects))
        return _below(f"{_TREE}{folder}/", objects) == named and (is_raw_kept or not is_raw_there)


def _below(prefix: str, objects: Iterable[str]) -> set[str]:
    return {key for key in objects if key.startswith(prefix)}


def _counted(lines: Sequence[Line]) -> Counter[tuple[object, ...]]:
    return Counter((*line.key, line.received_ms) for line in lines)
