"""What a program did to files, as `strace` saw it: each call as an operation on paths."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

CALLS: Final = (
    "openat,close,write,pwrite64,writev,pwritev,pwritev2,lseek,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,"
    "mkdir,mkdirat,truncate,ftruncate,link,linkat"
)
UNKNOWN: Final = "copy_file_range,sendfile,splice,fallocate,symlink,symlinkat,creat,openat2"
"""Calls that change files too, and that no traced program makes so far."""

_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_OPENED: Final = re.compile(r"\b(\d+)<((?:\\x[0-9a-f]{2}|[^>])*)>(\(deleted\))?")
_NUMBERS: Final = re.compile(r", (\d+)")
_OUTPUT: Final = 1

END: Final = -1
"""The offset of what goes to the end of a file, wherever that is."""


class Operation(NamedTuple):
    """One change of files: what it is, the path, and what else the kind needs."""

    kind: str
    path: str
    other: str = ""
    offset: int = END
    data: bytes = b""


class Call(NamedTuple):
    """A call that did not fail: its name, its arguments as `strace` prints them, and what it returned."""

    name: str
    arguments: str
    result: int


class UnknownCallError(Exception):
    """A program changed a file in a way of which no operation can be made."""


class Reader:
    """Makes operations of the calls of one process, with paths from the folder that all are below."""

    def __init__(self, folder: Path) -> None:
        self._below = f"{folder}/"
        self._positions: dict[int, int] = {}

    def operations(self, call: Call) -> Iterator[Operation]:
        """Yield what a call does below the folder, or prints. Raise UnknownCallError if that is not known."""
        opened = _OPENED.match(call.arguments)
        descriptor = int(opened[1]) if opened else -1
        path = self._inside(_decoded(opened[2]) if opened and not opened[3] else b"")
        texts = [_decoded(each) for each in _TEXT.findall(call.arguments)]
        if call.name in UNKNOWN.split(","):
            self._refuse(call, texts)
        elif call.name == "openat":
            self._positions[call.result] = END if "O_APPEND" in call.arguments else 0
        elif call.name == "close":
            self._positions.pop(descriptor, None)
        elif call.name == "lseek" and self._positions.get(descriptor) != END:
            self._positions[descriptor] = call.result
        if call.name == "write" and descriptor == _OUTPUT:
            yield Operation("mark", "", data=texts[0][: call.result])
        elif path is not None and "write" in call.name:
            data = b"".join(texts)[: call.result]
            yield Operation("write", path, offset=self._place(call, descriptor, len(data)), data=data)
        elif path is not None:
            yield from _of_open_file(call, path)
        elif texts and (inside := self._inside(texts[0])) is not None:
            yield from _of_names(call, inside, self._inside(texts[-1]) or "")

    def _inside(self, path: bytes) -> str | None:
        """Return a path from the folder on, or None if it is not in there."""
        text = path.decode(errors="replace") + "/"
        return text.removeprefix(self._below).rstrip("/") if text.startswith(self._below) else None

    def _place(self, call: Call, descriptor: int, size: int) -> int:
        """Return where a write goes, and move on the position of the file if it goes there."""
        if call.name.startswith("p"):
            return _numbers(call)[1]  # after the size or the number of parts
        if descriptor not in self._positions:
            raise UnknownCallError(f"It is not known where {call.name} to descriptor {descriptor} goes.")
        position = self._positions[descriptor]
        if position != END:
            self._positions[descriptor] += size
        return position

    def _refuse(self, call: Call, texts: Sequence[bytes]) -> None:
        paths = [*texts, *(_decoded(path) for _, path, _ in _OPENED.findall(call.arguments))]
        if any(self._inside(path) is not None for path in paths):
            raise UnknownCallError(f"{call.name} changes a file, and the disk does not model it.")


def _of_open_file(call: Call, path: str) -> Iterator[Operation]:
    if call.name in {"fsync", "fdatasync"}:
        yield Operation("sync", path)
    elif call.name == "ftruncate":
        yield Operation("cut", path, offset=_numbers(call)[-1])


def _of_names(call: Call, path: str, other: str) -> Iterator[Operation]:
    if call.name == "openat":
        if "O_CREAT" in call.arguments:
            yield Operation("make", path)
        if "O_TRUNC" in call.arguments:
            yield Operation("cut", path, offset=0)
    elif call.name == "truncate":
        yield Operation("cut", path, offset=_numbers(call)[-1])
    elif call.name.startswith(("mkdir", "rename", "link")):
        kind = "folder" if call.name.startswith("mkdir") else call.name.removesuffix("2").removesuffix("at")
        yield Operation(kind, path, "" if kind == "folder" else other)
    elif call.name.startswith(("unlink", "rmdir")):
        yield Operation("remove", path)


def _numbers(call: Call) -> Sequence[int]:
    """Return the numbers among the arguments, but those of parts that are written."""
    return [int(each) for each in _NUMBERS.findall(_TEXT.sub("", call.arguments).rpartition("]")[2])]


def _decoded(text: str) -> bytes:
    if "\\x" in text:
        return bytes.fromhex(text.replace("\\x", ""))
    return text.encode()
