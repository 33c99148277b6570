"""What a program did to files, as `strace` saw it: each call as an operation on paths."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

_CALLS: Final = (
    "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,"
    "ftruncate,link,linkat"
)
_CALL: Final = re.compile(r"^\d+ +(\w+)\((.*)\) += (\d+)")
_STARTED: Final = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
_RESUMED: Final = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_OPENED: Final = re.compile(r"^(\d+)<((?:\\x[0-9a-f]{2}|[^>])*)>")
_NUMBERS: Final = re.compile(r", (\d+)")

END: Final = -1
"""The offset of what goes to the end of a file, wherever that is."""


class Operation(NamedTuple):
    """One change of files: what it is, the path, and what else the kind needs."""

    kind: str
    path: str
    other: str = ""
    offset: int = END
    data: bytes = b""


def run(module: str, folder: Path, log: Path) -> Sequence[Operation]:
    """Run `python -m module FOLDER` and return what it did below the folder, and what it printed."""
    command = ["strace", "-f", "-y", "-xx", "-s", "4194304", "-e", f"trace={_CALLS}", "-e", "signal=none"]
    subprocess.run(  # this program itself
        [*command, "-o", str(log), sys.executable, "-m", module, str(folder)],
        check=True,
        stdout=subprocess.PIPE,
    )
    return list(_operations(log, f"{folder}/"))


def _operations(log: Path, below: str) -> Iterator[Operation]:
    for line in _joined(log):
        if match := _CALL.match(line):
            for each in _operation(match[1], match[2]):
                if each.kind == "mark" or f"{each.path}/".startswith(below):
                    yield each._replace(
                        path=f"{each.path}/".removeprefix(below).rstrip("/"),
                        other=each.other.removeprefix(below),
                    )


def _joined(log: Path) -> Iterator[str]:
    """Yield calls, each on one line; one that another thread interrupted stands where it ended."""
    started: dict[str, str] = {}
    with log.open() as lines:
        for line in lines:
            text = line.rstrip("\n")
            if match := _STARTED.match(text):
                started[match[1]] = text.removesuffix(" <unfinished ...>")
            elif match := _RESUMED.match(text):
                yield started.pop(match[1]) + match[2]
            else:
                yield text


def _operation(call: str, arguments: str) -> Iterator[Operation]:
    texts = [_decoded(each) for each in _TEXT.findall(arguments)]
    opened = _OPENED.match(arguments)
    path = _decoded(opened[2]).decode() if opened else ""
    if call == "write" and opened and opened[1] == "1":
        yield Operation("mark", "", data=texts[0])
    elif call in {"write", "pwrite64"}:
        numbers = _NUMBERS.findall(_TEXT.sub("", arguments))
        offset = int(numbers[-1]) if call == "pwrite64" else -1
        yield Operation("write", path, offset=offset, data=texts[0])
    elif call in {"fsync", "fdatasync"}:
        yield Operation("sync", path)
    elif call == "ftruncate":
        yield Operation("cut", path, offset=int(_NUMBERS.findall(arguments)[-1]))
    elif call == "openat" and "O_CREAT" in arguments:
        yield Operation("make", texts[0].decode())
    elif call.startswith("mkdir"):
        yield Operation("folder", texts[0].decode())
    elif call.startswith("rename"):
        yield Operation("rename", texts[0].decode(), texts[1].decode())
    elif call.startswith("link"):
        yield Operation("link", texts[0].decode(), texts[1].decode())
    elif call.startswith("unlink"):
        yield Operation("remove", texts[0].decode())


def _decoded(text: str) -> bytes:
    if "\\x" in text:
        return bytes.fromhex(text.replace("\\x", ""))
    return text.encode()
