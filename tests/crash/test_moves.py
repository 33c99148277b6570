"""No power cut loses what is moved: what is filed again, and what in quarantine is replayed or dismissed."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.crash import run
from harness.crash.refiling import OFFSET_MS
from harness.crash.trace import Operation
from harness.crash.workload import DATA, POLICY, QUEUE, Mark
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract.moment import Span
from telemetry.domain.errors import TelemetryError
from telemetry.domain.store import objects, quarantine
from telemetry.domain.store.objects import DISMISSED, QUARANTINE
from telemetry.domain.store.refile import SkewedTree
from tests.crash.cutting import needed, spared, violations
from tests.crash.judging import Identities, Promises, bodies_of, broken_objects, of_lines, sent_records

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")

LATER_MS = 4_000_000_000_000


@pytest.fixture(scope="module")
def refiling(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Operation]:
    return run.module("harness.crash.refiling", tmp_path_factory.mktemp("refiling"))


@pytest.fixture(scope="module")
def replaying(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Operation]:
    return run.module("harness.crash.replaying", tmp_path_factory.mktemp("replaying"))


async def unfiled(folder: Path, marks: Sequence[Mark]) -> Sequence[str]:
    """Refile once more; say what is missing of the records, and whether any is in both trees."""
    promises = Promises(marks)
    faults = list(broken_objects(folder, promises))
    promised = sent_records(promises)
    storage = LocalStorage(folder / DATA)
    try:
        again = [each async for each in SkewedTree(storage, POLICY).refile(Span(), OFFSET_MS, LATER_MS)]
        raw, skewed = [await stored(storage, tree) for tree in ("raw/", "skewed/")]
    except TelemetryError as error:
        return [f"it cannot be refiled: {error}"]
    if promises.done["refile"] and any(each.filed for each in again):
        faults.append("it was refiled, and was not")
    if promised - raw - skewed:
        faults.append(f"{len(promised - raw - skewed)} records are gone")
    return [*faults, *(["records are in both trees"] if raw & skewed else [])]


async def stored(storage: LocalStorage, tree: str) -> Identities:
    found: Identities = set()
    for info in await storage.list(tree):
        found |= of_lines(objects.decode_object(info.key, await storage.get(info.key)))
    return found


async def unreplayed(folder: Path, marks: Sequence[Mark]) -> Sequence[str]:
    """Say how many bodies are neither in quarantine nor dismissed nor in the queue."""
    promises = Promises(marks)
    if not promises.done["send"]:
        return []
    storage, there = LocalStorage(folder / DATA), set[str]()
    try:
        for tree in (QUARANTINE, DISMISSED):
            for info in await storage.list(tree):
                there |= {each.body.hex() for each in quarantine.decode(await storage.get(info.key))}
        there |= {each.hex() for each in await bodies_of(folder / QUEUE)}
    except TelemetryError as error:
        return [f"it cannot be read: {error}"]
    lost = set(promises.done["send"]) - there
    return [*broken_objects(folder, promises), *([f"{len(lost)} bodies are gone"] if lost else [])]


def test_no_power_cut_loses_a_record_that_is_filed_again(refiling: Sequence[Operation], states: Path):
    assert list(violations(refiling, unfiled, states)) == []


def test_each_sync_of_a_refiling_is_needed(refiling: Sequence[Operation], states: Path):
    syncs = needed(refiling)
    assert len(syncs) > 15
    left = spared(refiling, unfiled, states, syncs)
    assert [refiling[place].path for place in left] == []


def test_no_power_cut_loses_a_body_that_is_replayed_or_dismissed(
    replaying: Sequence[Operation], states: Path
):
    assert list(violations(replaying, unreplayed, states)) == []


def test_each_sync_of_a_replay_is_needed(replaying: Sequence[Operation], states: Path):
    begun = next(place for place, each in enumerate(replaying) if each.kind == "mark")
    syncs = [place for place in needed(replaying) if place > begun]
    left = spared(replaying, unreplayed, states, syncs)
    assert [replaying[place].path for place in left] == []
