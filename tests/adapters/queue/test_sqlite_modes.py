"""Who may read the embedded queue does not depend on the umask, unless it is to."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.transport.lease import LeaseTerms

MODES = [(0o600, 0o700, 0o600, 0o700), (0o660, 0o770, 0o660, 0o770), (None, None, 0o644, 0o755)]


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def bits(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_all_files_of_a_queue_are_private(tmp_path: Path):
    queue = SqliteQueue(tmp_path / "data" / "queue.db", SystemClock(), LeaseTerms(), 1_000_000)
    await queue.send([b"a"])
    made = {each.name: bits(each) for each in (tmp_path / "data").iterdir()}
    assert made == dict.fromkeys(("queue.db", "queue.db-wal", "queue.db-shm"), 0o600)
    assert bits(tmp_path / "data") == 0o700
    await queue.close()


@pytest.mark.parametrize(("file", "folder", "file_bits", "folder_bits"), MODES)
async def test_all_files_have_the_modes_that_they_are_given(
    tmp_path: Path, file, folder, file_bits, folder_bits
):
    path = tmp_path / "data" / "queue.db"
    queue = SqliteQueue(path, SystemClock(), LeaseTerms(), 1_000_000, file_mode=file, folder_mode=folder)
    await queue.send([b"a"])
    assert {bits(each) for each in path.parent.iterdir()} == {file_bits}
    assert len(list(path.parent.iterdir())) == 3
    assert bits(path.parent) == folder_bits
    await queue.close()


async def test_a_queue_that_is_there_stays_as_it_is(tmp_path: Path):
    path = tmp_path / "queue.db"
    path.touch(mode=0o644)
    queue = SqliteQueue(path, SystemClock(), LeaseTerms(), 1_000_000)
    assert bits(path) == 0o644
    await queue.close()
