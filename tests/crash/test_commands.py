"""No power cut breaks a promise while an hour is compacted, or a damaged queue is recovered."""

import shutil
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import pytest

from harness.crash import run
from harness.crash.compaction import FORMS
from harness.crash.disk import Disk
from harness.crash.trace import Operation
from harness.crash.workload import DATA, QUEUE, Mark
from telemetry.adapters.queue.sqlite.file import QueueFile
from telemetry.adapters.queue.sqlite.recover import Recovery
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract.moment import Span
from telemetry.domain.errors import TelemetryError
from telemetry.domain.lake import census
from telemetry.domain.lake.follow import follow
from telemetry.domain.store import objects
from tests.crash.cutting import lay, needed, spared, violations
from tests.crash.judging import Promises, bodies_of, broken_objects, of_lines, sent_records
from tests.lake import records_of

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")

LATER_MS = 4_000_000_000_000
AT_WORK = f"{QUEUE}-recovering-journal"
"""What SQLite syncs while it makes the fresh queue, which is begun anew after a power cut."""


@pytest.fixture(scope="module")
def compaction(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Operation]:
    return run.module("harness.crash.compaction", tmp_path_factory.mktemp("compaction"))


@pytest.fixture(scope="module")
def recovery(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Operation]:
    return run.module("harness.crash.recovery", tmp_path_factory.mktemp("recovery"))


async def unread(folder: Path, marks: Sequence[Mark]) -> Sequence[str]:
    """Read each hour as its readers do, and say what is missing of what was stored, or there twice."""
    promises = Promises(marks)
    promised = sent_records(promises)
    try:
        found = await read(LocalStorage(folder / DATA))
    except TelemetryError as error:
        return [f"the hour cannot be read: {error}"]
    gone = [f"{len(promised - set(found))} records are gone"] if promised - set(found) else []
    twice = ["records are there twice"] if len(found) > len(set(found)) else []
    return [*broken_objects(folder, promises), *gone, *twice]


async def read(storage: LocalStorage) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for hour in await census.hours(storage, census.ALL, Span()):
        reading = await follow(storage, hour)
        for content in reading.contents:
            for part in FORMS.read(content.key, await storage.get(content.key), hour):
                found += [(each.vehicle_id, each.timestamp_ms) for each in records_of(part, hour)]
        for info in reading.raw:
            found += of_lines(objects.decode_object(info.key, await storage.get(info.key)))
    return found


async def unsaved(folder: Path, marks: Sequence[Mark]) -> Sequence[str]:
    """Recover a queue, unless that was done, and say how many of the bodies that were whole are not in it."""
    promises = Promises(marks)
    if not promises.done["send"]:
        return []
    path = folder / QUEUE
    try:
        if not promises.done["recover"]:
            Recovery(QueueFile(path), LATER_MS).recover(lambda _: None)
        bodies = {each.hex() for each in await bodies_of(path)}
    except TelemetryError as error:
        return [f"the queue cannot be used: {error}"]
    lost = set(promises.done["send"]) - bodies
    kept = list(path.parent.glob(f"{path.name}-damaged-*"))
    return [*([f"{len(lost)} messages are gone"] if lost else []), *([] if kept else ["nothing is kept"])]


def test_no_power_cut_loses_a_record_of_an_hour_that_is_compacted(
    compaction: Sequence[Operation], states: Path
):
    assert list(violations(compaction, unread, states)) == []


def test_each_sync_of_a_compaction_is_needed(compaction: Sequence[Operation], states: Path):
    syncs = needed(compaction)
    assert len(syncs) > 20
    left = spared(compaction, unread, states, syncs)
    assert [compaction[place].path for place in left] == []


def test_the_queue_that_is_recovered_is_damaged(recovery: Sequence[Operation], states: Path):
    disk = Disk()
    for each in takewhile(lambda each: each.kind != "mark", recovery):
        disk.apply(each)
    lay(disk.now(), states)
    found, faults = Recovery(QueueFile(states / QUEUE), LATER_MS).examine()
    assert faults
    assert found
    assert found.whole
    assert len(found.lost) == 1


def test_no_power_cut_loses_a_message_of_a_queue_that_is_recovered(
    recovery: Sequence[Operation], states: Path
):
    assert list(violations(recovery, unsaved, states)) == []


def test_each_sync_of_a_recovery_is_needed(recovery: Sequence[Operation], states: Path):
    damaged = next(place for place, each in enumerate(recovery) if each.kind == "mark")
    syncs = [place for place in needed(recovery) if place > damaged]
    left = spared(recovery, unsaved, states, syncs)
    assert {recovery[place].path for place in left} <= {AT_WORK}
    caught = {recovery[place].path for place in syncs} - {AT_WORK}
    assert caught == {f"{QUEUE}-recovering", DATA}
