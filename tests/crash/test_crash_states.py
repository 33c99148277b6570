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
from harness.crash.workload import DATA, QUEUE
from tests.crash.judging import Promises, judge

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


OF_THE_QUEUE = {DATA, QUEUE, f"{QUEUE}-wal"}
"""What SQLite syncs also for leases and deletes alone, which promise nothing: such a message comes again."""


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Operation]:
    """What the workload did to files, and what it promised."""
    folder = tmp_path_factory.mktemp("workload")
    return trace.run("harness.crash.workload", folder, folder.with_name("trace.txt"))


def violations(operations: Sequence[Operation], folder: Path, without: int = -1) -> Iterator[str]:
    """Yield what is broken in the states that a power cut after each operation may leave.

    `without` is the place of a sync that is left out. States before it are those of the whole, and so are
    those from the next sync of the same path on.
    """
    disk, promises, random, numbers = Disk(), Promises(), Random(1), count()
    seen: set[int] = set()
    for place, operation in enumerate(operations):
        if place > without >= 0 and operation == operations[without]:
            return
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


def idle(operations: Sequence[Operation]) -> set[int]:
    """Return the places of the syncs that make nothing durable, since nothing was changed."""
    disk, found = Disk(), set[int]()
    for place, operation in enumerate(operations):
        if operation.kind == "sync" and not disk.waits(operation.path):
            found.add(place)
        if operation.kind != "mark":
            disk.apply(operation)
    return found


def is_repeated(operations: Sequence[Operation], place: int) -> bool:
    """Return whether the same path is synced again before anything is promised."""
    later = takewhile(lambda each: b'"is_done":true' not in each.data, operations[place + 1 :])
    return operations[place] in later


def test_no_power_cut_breaks_a_promise(operations: Sequence[Operation], tmp_path: Path):
    assert list(violations(operations, tmp_path)) == []


def test_without_any_one_sync_a_power_cut_breaks_a_promise(operations: Sequence[Operation], tmp_path: Path):
    syncs = [place for place, each in enumerate(operations) if each.kind == "sync"]
    unchanged = idle(operations)
    needed = [place for place in syncs if place not in unchanged and not is_repeated(operations, place)]
    spared = [place for place in needed if not next(violations(operations, tmp_path, place), "")]
    last_sent = max(place for place, each in enumerate(operations) if b'"verb":"send"' in each.data)
    assert all(place > last_sent and operations[place].path in OF_THE_QUEUE for place in spared)
    caught = {operations[place].path for place in set(needed) - set(spared)}
    assert caught >= {*OF_THE_QUEUE, "", "site"}
    assert len(needed) - len(spared) > 30
