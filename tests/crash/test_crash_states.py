"""No power cut breaks a promise, at whatever moment, and each sync is needed for that."""

import shutil
from collections.abc import Iterator, Sequence
from itertools import count, takewhile
from pathlib import Path
from random import Random

import pytest

from harness.crash import trace
from harness.crash.disk import Disk
from harness.crash.trace import Operation
from tests.crash.judging import Promises, judge

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


_HEAD = 32  # bytes of the head of SQLite's log

OF_SQLITE = {"data", "data/queue.db", "data/queue.db-wal"}
"""What SQLite syncs also when the queue is empty and no promise rests on it; with messages in it one does."""


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Operation]:
    """What the workload did to files, and what it promised."""
    folder = tmp_path_factory.mktemp("workload")
    return trace.run("harness.crash.workload", folder, folder.with_name("trace.txt"))


def violations(operations: Sequence[Operation], folder: Path, without: int = -1) -> Iterator[str]:
    """Yield what is broken in the states that a power cut after each operation may leave.

    `without` is the place of an operation that is left out; states before it are those of the whole.
    """
    disk, promises, random, numbers = Disk(), Promises(), Random(1), count()
    seen: set[int] = set()
    for place, operation in enumerate(operations):
        if operation.kind == "mark":
            promises.add(operation)
        elif place != without:
            disk.apply(operation)
        for found in disk.states(random) if place > without else ():
            identity = hash((tuple(sorted(found.items())), str(promises.done)))
            if identity not in seen:
                seen.add(identity)
                where = folder / str(next(numbers))
                broken = judge(found, where, promises, with_figures=without < 0)
                shutil.rmtree(where)
                yield from broken


def is_redundant(operations: Sequence[Operation], place: int) -> bool:
    """Return whether a sync makes nothing durable that has to be so before the next promise.

    Nothing was changed since the last sync of the same path, or it is synced again before that promise. Or it
    is that of the mere head of a new log, which SQLite syncs once more with what comes into it.
    """
    path = operations[place].path
    if operations[place - 1] == Operation("write", path, offset=0, data=operations[place - 1].data[:_HEAD]):
        return True
    later = takewhile(lambda each: b'"is_done":true' not in each.data, operations[place + 1 :])
    if any(each.kind == "sync" and each.path == path for each in later):
        return True
    earlier = takewhile(lambda each: (each.kind, each.path) != ("sync", path), operations[:place][::-1])
    kept = [each for each in earlier if each.kind not in {"sync", "mark"}]
    changed = {name for each in kept for name in ((each.path, each.other) if each.other else (each.path,))}
    return path not in changed and path not in {name.rpartition("/")[0] for name in changed}


def test_no_power_cut_breaks_a_promise(operations: Sequence[Operation], tmp_path: Path):
    assert list(violations(operations, tmp_path)) == []


def test_without_any_one_sync_a_power_cut_breaks_a_promise(operations: Sequence[Operation], tmp_path: Path):
    syncs = [place for place, each in enumerate(operations) if each.kind == "sync"]
    needed = [place for place in syncs if not is_redundant(operations, place)]
    assert len(needed) > 30
    caught: dict[bool, set[str]] = {True: set(), False: set()}
    for place in needed:
        is_caught = bool(next(violations(operations, tmp_path, place), ""))
        caught[is_caught].add(operations[place].path)
    assert caught[False] <= OF_SQLITE
    assert caught[True] >= {*OF_SQLITE, ""}
