"""The file of keys: read whole or not at all, changed by one process at a time, and replaced at once."""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NoReturn
from uuid import uuid4

import msgspec

from telemetry.adapters import folders
from telemetry.adapters.keys import entry as entries
from telemetry.adapters.keys.entry import Entry, label
from telemetry.domain.errors import UsageError

_PRIVATE: Final = 0o600

Version = tuple[int, int, int]
"""What differs between two contents of a file: when it was changed, its number on the disk, its size."""


class KeysError(UsageError):
    """A file of keys, or a change of it, that cannot be used; the text names the entry and never a key."""


class KeysFile:
    """The keys in a file of JSON: a list of entries."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Entry]:
        """Return all entries. Raise KeysError if one of them, or the whole, is not what it has to be."""
        try:
            return _parse(self._path.read_bytes())
        except OSError as error:
            raise KeysError(f"{self._path}: {error.strerror}") from error
        except ValueError as error:
            raise KeysError(f"{self._path}: {error}") from error

    def version(self) -> Version | None:
        """Return what changes with the content; None if there is no file."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def add(self, entry: Entry) -> str:
        """Make a key, add its entry with its hash only, and return the key.

        Raise KeysError if there is such a name, or the file cannot be used.
        """
        for fault in entries.faults(entry):
            raise KeysError(fault)
        with self._changed() as found:
            if any(each.name == entry.name for each in found):
                raise KeysError(f"{self._path}: there is a key with the name {entry.name}; revoke it first")
            key, complete = entries.made(entry, found)
            found.append(complete)
        return key

    def revoke(self, name: str) -> None:
        """Remove an entry by its name, or by its place if it has none. Raise KeysError if there is none."""
        with self._changed() as found:
            names = [label(number, each.name) for number, each in enumerate(found, start=1)]
            if name not in names:
                raise KeysError(f"{self._path}: there is no key with the name {name}")
            del found[names.index(name)]

    def write(self, found: Sequence[Entry]) -> None:
        """Replace the file: its readers see the old content or the new one, whole."""
        path = self._path.resolve()  # what a link leads to is replaced, and not the link
        temporary = path.with_name(f".{path.name}.{uuid4().hex}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                with suppress(OSError):  # the receiver may run as another user, who owns the old file
                    old = path.stat()
                    os.fchown(descriptor, old.st_uid, old.st_gid)
                file.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
                file.flush()
                os.fsync(descriptor)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        folders.sync(path.parent)

    @contextmanager
    def _changed(self) -> Iterator[list[Entry]]:
        """Yield the entries; write what has become of them, while no other process does the same."""
        try:
            with _locked(self._path.resolve().parent):
                found = self.read() if self._path.exists() else []
                yield found
                self.write(found)
        except OSError as error:
            raise KeysError(f"{self._path}: {error.strerror}") from error


def _parse(content: bytes) -> list[Entry]:
    """Read a list of entries. Raise ValueError naming the first that is wrong."""
    try:
        found = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_Fields, parse_constant=_refuse)
    except UnicodeDecodeError:
        raise ValueError("it is no text in UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, list):
        raise ValueError("it is no list: [...] around the entries")  # noqa: TRY004  # of the file, not of a caller
    parsed: list[Entry] = []
    for number, fields in enumerate(found, start=1):
        try:
            parsed.append(_entry(fields))
        except ValueError as error:
            name = fields.get("name") if isinstance(fields, dict) else None
            is_key = isinstance(fields, dict) and name == fields.get("key")
            raise ValueError(f"entry {number}{_named('' if is_key else name)}: {error}") from None
    _check_distinct(parsed)
    return parsed


class _Fields(dict[str, Any]):
    """The fields of an object, which remembers whether one came twice."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.is_repeated = len(self) < len(pairs)


def _entry(fields: object) -> Entry:
    if not isinstance(fields, _Fields):
        raise ValueError("it is no object: {...} around its fields")  # noqa: TRY004  # of the file, not of a caller
    if fields.is_repeated:
        raise ValueError("a field comes twice")
    return entries.convert(fields)


def _named(name: object) -> str:
    """Return a name as an error shows it, if it is one."""
    return (
        f" ({name})" if isinstance(name, str) and name and not any(entries.faults(Entry(name=name))) else ""
    )


def _check_distinct(parsed: Sequence[Entry]) -> None:
    """Raise ValueError if two entries have one name or one key; hashes of two salts cannot be compared."""
    salts = {each.salt for each in parsed if each.hash}
    names: dict[str, int] = {}
    keys: dict[tuple[bytes, bytes], int] = {}
    for number, each in enumerate(parsed, start=1):
        if (first := names.setdefault(each.name or label(number, ""), number)) != number:
            raise ValueError(f"entry {number} ({each.name}): it has the name of entry {first}")
        for digest in each.digests(salts):
            if (first := keys.setdefault(digest, number)) != number:
                called = label(first, parsed[first - 1].name)
                raise ValueError(f"entry {number}{_named(each.name)}: it has the same key as {called}")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
