"""A receiver is ready if what it is sent would be kept."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.http.health import LastSend
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.entrypoints.process.heartbeat import FOLDER, Heartbeat
from telemetry.entrypoints.shared.readiness import ReceiverProbe
from tests.fakes import FailingQueue


class Probed(NamedTuple):
    """A probe, and what it looks at."""

    probe: ReceiverProbe
    queue: SqliteQueue
    file: Path


@pytest.fixture
async def probed(tmp_path: Path) -> AsyncIterator[Probed]:
    file = tmp_path / "queue.db"
    queue = SqliteQueue(file, SystemClock(), LeaseTerms(), 1_000_000, reserve=16_000_000)
    yield Probed(ReceiverProbe(queue, LastSend(), SystemClock(), file), queue, file)
    await queue.close()


async def consumer(probed: Probed) -> str | None:
    readiness = await probed.probe.readiness(in_detail=True)
    assert readiness
    return readiness.consumer


async def test_what_waits_and_what_is_leased_is_said_to_who_may_know(probed: Probed):
    await probed.queue.send([b"a", b"b", b"c"])
    await probed.queue.receive(1, 0)
    readiness = await probed.probe.readiness(in_detail=True)
    assert readiness
    assert (readiness.waiting, readiness.leased, readiness.dead) == (2, 1, 0)
    assert await probed.probe.readiness(in_detail=False) is None


async def test_a_full_queue_is_not_ready_until_there_is_room(probed: Probed):
    await probed.queue.send([bytes(90_000)])
    smaller = SqliteQueue(probed.file, SystemClock(), LeaseTerms(), 100_000)
    probe = ReceiverProbe(smaller, LastSend(), SystemClock(), probed.file)
    with pytest.raises(QueueUnavailableError, match="is full"):
        await probe.readiness(in_detail=False)
    await smaller.delete([each.handle for each in await smaller.receive(1, 0)])
    await probe.readiness(in_detail=False)
    await smaller.close()


@pytest.mark.parametrize("in_detail", [True, False])
async def test_a_closed_queue_is_not_ready(probed: Probed, *, in_detail: bool):
    await probed.queue.close()
    with pytest.raises(QueueUnavailableError, match="closed"):
        await probed.probe.readiness(in_detail=in_detail)


async def test_a_file_that_was_removed_or_replaced_is_not_ready(probed: Probed):
    await probed.probe.readiness(in_detail=False)
    probed.file.rename(probed.file.with_name("moved"))
    with pytest.raises(QueueUnavailableError, match="removed or replaced"):
        await probed.probe.readiness(in_detail=False)
    probed.file.touch()
    with pytest.raises(QueueUnavailableError, match="removed or replaced"):
        await probed.probe.readiness(in_detail=False)


async def test_a_file_that_cannot_be_written_is_not_ready(probed: Probed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "access", lambda path, _: path != probed.file)  # root may write everything
    with pytest.raises(QueueUnavailableError, match="cannot be written"):
        await probed.probe.readiness(in_detail=False)


async def test_a_full_disk_is_not_ready(probed: Probed, monkeypatch: pytest.MonkeyPatch):
    real = os.statvfs(probed.file.parent)
    full = SimpleNamespace(f_blocks=real.f_blocks, f_frsize=real.f_frsize, f_bavail=1000)
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    with pytest.raises(QueueUnavailableError, match="disk of .* is full"):
        await probed.probe.readiness(in_detail=False)


async def test_a_consumer_is_seen_while_it_finishes_its_turns(probed: Probed):
    assert await consumer(probed) == "not seen"
    with Heartbeat(probed.file.parent, "aggregator"):
        assert await consumer(probed) == "not seen"
    with Heartbeat(probed.file.parent, "consumer"):
        assert await consumer(probed) == "seen"
        (file,) = (probed.file.parent / FOLDER).glob("consumer@*")
        os.utime(file, (0, time.time() - 61))
        assert await consumer(probed) == "not seen"
    assert await consumer(probed) == "not seen"


async def test_a_consumer_that_was_killed_is_not_seen(probed: Probed):
    beat = (
        "import os, sys; from pathlib import Path; "
        "from telemetry.entrypoints.process.heartbeat import Heartbeat; "
        "Heartbeat(Path(sys.argv[1]), 'consumer').__enter__(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", beat, str(probed.file.parent)], check=False)
    assert list((probed.file.parent / FOLDER).glob("consumer@*"))
    assert await consumer(probed) == "not seen"


async def test_a_consumer_on_another_host_with_the_same_folder_is_seen(probed: Probed):
    (probed.file.parent / FOLDER).mkdir()
    (probed.file.parent / FOLDER / "consumer@elsewhere@1").touch()
    assert await consumer(probed) == "seen"


async def test_of_another_queue_it_says_nothing_of_consumers():
    queue = FailingQueue(SystemClock())
    probe = ReceiverProbe(queue, LastSend(), SystemClock(), None)
    readiness = await probe.readiness(in_detail=True)
    assert readiness
    assert readiness.consumer is None
    queue.failing = {"depth"}
    with pytest.raises(QueueUnavailableError):
        await probe.readiness(in_detail=False)
