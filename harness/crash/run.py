"""A program is run under `strace`, and the disk that is modelled from its trace has to be what is there."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.crash.disk import GONE, Disk
from harness.crash.trace import CALLS, UNKNOWN, Call, Operation, Reader

_CALL: Final = re.compile(r"^\d+ +(\w+)\((.*)\) += (\d+)")
_STARTED: Final = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
_RESUMED: Final = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")


class UntracedError(Exception):
    """What a program left is not what its operations leave: some are missing in the trace, or wrong."""


def module(name: str, folder: Path) -> Sequence[Operation]:
    """Run `python -m NAME FOLDER` and return what it did below the folder, and what it printed."""
    return program(["-m", name], folder)


def program(arguments: Sequence[str], folder: Path) -> Sequence[Operation]:
    """Run Python with these arguments and a folder that is empty; return what it did there, and printed.

    Raise UnknownCallError or UntracedError if the operations are not all that it did. The trace is beside the
    folder.
    """
    log = folder.with_name("trace.txt")
    command = ["strace", "-f", "-y", "-xx", "-s", "4194304", "-e", f"trace={CALLS},{UNKNOWN}"]
    subprocess.run(  # this program itself
        [*command, "-e", "signal=none", "-o", str(log), sys.executable, *arguments, str(folder)],
        check=True,
        stdout=subprocess.PIPE,
    )
    reader = Reader(folder)
    found = [each for call in _calls(log) for each in reader.operations(call)]
    check(found, folder)
    return found


def check(operations: Sequence[Operation], folder: Path) -> None:
    """Raise UntracedError unless a folder has, byte for byte, what operations leave in it."""
    disk = Disk()
    for each in operations:
        if each.kind != "mark":
            disk.apply(each)
    modelled, real = disk.now(), _content(folder)
    if wrong := sorted(
        path for path in modelled.keys() | real.keys() if modelled.get(path) != real.get(path)
    ):
        raise UntracedError(f"The trace and the folder differ in {', '.join(wrong)}.")


def _content(folder: Path) -> Mapping[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(GONE)
    }


def _calls(log: Path) -> Iterator[Call]:
    for line in _joined(log):
        if match := _CALL.match(line):
            yield Call(match[1], match[2], int(match[3]))


def _joined(log: Path) -> Iterator[str]:
    """Yield calls, each on one line; one that another thread interrupted stands where it ended.

    A close stands where it began, since another thread may be given the descriptor before it ends.
    """
    started: dict[str, str] = {}
    with log.open() as lines:
        for line in lines:
            text = line.rstrip("\n")
            if match := _STARTED.match(text):
                if match[2].startswith("close("):
                    yield f"{match[1]} {match[2]}) = 0"
                else:
                    started[match[1]] = f"{match[1]} {match[2]}"
            elif match := _RESUMED.match(text):
                yield started.pop(match[1], "") + match[2]
            else:
                yield text
