"""No power cut breaks a promise while a queue is copied: a copy is there whole, or not at all."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.crash import run
from harness.crash.trace import Operation
from harness.crash.workload import DATA, QUEUE, Mark
from telemetry.adapters.queue.sqlite.file import QueueFile
from telemetry.domain.errors import TelemetryError
from tests.crash.cutting import needed, spared, violations
from tests.crash.judging import Promises, bodies_of

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")

PARTS = {f"{DATA}/.copy-{number}.db.unfinished" for number in range(2)}
AT_WORK = {f"{part}-journal" for part in PARTS}
"""What SQLite syncs while it makes a copy, which is begun anew after a power cut."""


@pytest.fixture(scope="module")
def copying(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Operation]:
    return run.module("harness.crash.copying", tmp_path_factory.mktemp("copying"))


async def uncopied(folder: Path, marks: Sequence[Mark]) -> Sequence[str]:
    """Say which copies of a queue are not what was promised, and whether it cannot be copied any more."""
    promises, again = Promises(marks), folder / f"{DATA}/again.db"
    if not promises.done["send"]:
        return []
    broken = list[str]()
    try:
        for name in promises.begun["copy"]:
            target, *bodies = name.split(" ")
            is_there = (folder / target).exists()
            if (is_there or name in promises.done["copy"]) and (
                not is_there or [each.hex() for each in await bodies_of(folder / target)] != bodies
            ):
                broken.append(f"{target} has not what was in the queue")
        QueueFile(folder / QUEUE).copy(again)
        missing = set(promises.done["send"]) - {each.hex() for each in await bodies_of(again)}
    except TelemetryError as error:
        return [*broken, f"a copy cannot be made or used: {error}"]
    return [*broken, *([f"the next copy lacks {len(missing)} messages"] if missing else [])]


def test_no_power_cut_breaks_a_copy(copying: Sequence[Operation], states: Path):
    assert list(violations(copying, uncopied, states)) == []


def test_each_sync_of_a_copy_is_needed(copying: Sequence[Operation], states: Path):
    begun = next(place for place, each in enumerate(copying) if b'"verb":"copy"' in each.data)
    syncs = [place for place in needed(copying) if place > begun]
    left = spared(copying, uncopied, states, syncs)
    assert {copying[place].path for place in left} <= AT_WORK
    caught = {copying[place].path for place in syncs} - AT_WORK
    assert caught >= {DATA, *PARTS}
