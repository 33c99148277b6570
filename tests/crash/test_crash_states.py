"""No power cut breaks a promise, at whatever moment, and each sync is needed for that."""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from harness.crash import run
from harness.crash.trace import Operation
from harness.crash.workload import DATA, QUEUE
from tests.crash.cutting import needed, spared, violations
from tests.crash.judging import broken

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


OF_THE_QUEUE = {DATA, QUEUE, f"{QUEUE}-wal"}
"""What SQLite syncs also for leases and deletes alone, which promise nothing: such a message comes again."""


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Operation]:
    """What the workload did to files, and what it promised."""
    return run.module("harness.crash.workload", tmp_path_factory.mktemp("workload"))


def test_no_power_cut_breaks_a_promise(operations: Sequence[Operation], states: Path):
    assert list(violations(operations, partial(broken, with_figures=True), states)) == []


def test_without_any_one_sync_a_power_cut_breaks_a_promise(operations: Sequence[Operation], states: Path):
    syncs = needed(operations)
    left = spared(operations, broken, states, syncs)
    last_sent = max(place for place, each in enumerate(operations) if b'"verb":"send"' in each.data)
    assert all(place > last_sent and operations[place].path in OF_THE_QUEUE for place in left)
    assert {operations[place].path for place in set(syncs) - set(left)} >= {*OF_THE_QUEUE, "", "site"}
    assert len(syncs) - len(left) > 30
