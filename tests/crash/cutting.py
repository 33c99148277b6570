"""What a power cut may leave at each moment of a traced run, judged by what had been promised before it."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from itertools import count, takewhile
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from harness.crash.disk import Disk
from harness.crash.trace import Operation
from harness.crash.workload import Mark

Judge = Callable[[Path, Sequence[Mark]], Coroutine[Any, Any, Sequence[str]]]
"""Says which promises do not hold in a folder."""


def violations(
    operations: Sequence[Operation], judge: Judge, folder: Path, without: int = -1
) -> Iterator[str]:
    """Yield what is broken in the states that a power cut after each operation may leave.

    Nothing is judged before the program has said something. `without` is the place of a sync that is left
    out. States before it are those of the whole, and so are those from the next sync of the same path on.
    """
    disk, marks, random, numbers = Disk(), list[Mark](), Random(1), count()
    seen: set[int] = set()
    for place, operation in enumerate(operations):
        if place > without >= 0 and operation == operations[without]:
            return
        if operation.kind == "mark":
            marks += [msgspec.json.decode(line, type=Mark) for line in operation.data.splitlines()]
        elif place != without:
            disk.apply(operation)
        done = sum(mark.is_done for mark in marks)
        for found in disk.states(random) if place > without and marks else ():
            identity = hash((tuple(sorted(found.items())), done))
            if identity not in seen:
                seen.add(identity)
                where = folder / str(next(numbers))
                lay(found, where)
                broken = asyncio.run(judge(where, marks))
                shutil.rmtree(where)
                yield from broken


def spared(
    operations: Sequence[Operation], judge: Judge, folder: Path, syncs: Sequence[int]
) -> Sequence[int]:
    """Return the places of those syncs without which nothing is broken, each left out alone."""
    return [place for place in syncs if not next(violations(operations, judge, folder, place), "")]


def needed(operations: Sequence[Operation]) -> Sequence[int]:
    """Return the places of syncs that make something durable, and that no sync before a promise repeats."""
    disk, found = Disk(), list[int]()
    for place, operation in enumerate(operations):
        if operation.kind == "sync" and disk.waits(operation.path) and not _is_repeated(operations, place):
            found.append(place)
        if operation.kind != "mark":
            disk.apply(operation)
    return found


def _is_repeated(operations: Sequence[Operation], place: int) -> bool:
    """Return whether the same path is synced again before anything is promised."""
    later = takewhile(lambda each: b'"is_done":true' not in each.data, operations[place + 1 :])
    return operations[place] in later


def lay(found: Mapping[str, bytes], folder: Path) -> None:
    """Make the files of a state."""
    folder.mkdir(exist_ok=True)
    for name, content in found.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
