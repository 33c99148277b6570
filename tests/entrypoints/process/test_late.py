"""Queues and stores that are opened once they are asked for."""

from pathlib import Path

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.late import LateLookout, LateStorage
from telemetry.entrypoints.process.settings import Settings
from tests.builders import HOUR, NOW, a_record, an_envelope


async def test_a_queue_that_is_not_there_is_not_made_and_is_seen_once_it_is(tmp_path: Path):
    container = Container(settings=Settings(data_dir=tmp_path))
    lookout = container.lookout()
    with pytest.raises(QueueUnavailableError, match=r"queue\.db: there is no queue here \(DATA_DIR"):
        await lookout.outlook()
    assert list(tmp_path.iterdir()) == []
    await Container(settings=Settings(data_dir=tmp_path)).queue().send([an_envelope(a_record())])
    assert list((await lookout.outlook()).hours) == [HOUR]
    await lookout.close()


async def test_a_queue_in_the_memory_of_another_process_cannot_be_seen(tmp_path: Path):
    container = Container(settings=Settings(data_dir=tmp_path, queue_backend="memory"))
    with pytest.raises(QueueUnavailableError, match="seen by its own process alone"):
        await container.lookout().outlook()


async def test_a_queue_is_opened_once_and_closed_only_if_it_was_opened():
    made = []

    def make() -> MemoryQueue:
        made.append(MemoryQueue(ManualClock(NOW), LeaseTerms()))
        return made[-1]

    lookout = LateLookout(make, None)
    await lookout.close()
    await lookout.outlook()
    await lookout.outlook()
    await lookout.close()
    assert len(made) == 1


async def test_a_store_is_opened_once_it_is_read():
    storage = MemoryStorage(ManualClock(NOW))
    await storage.put("a/b", b"x")
    made = []

    def make() -> MemoryStorage:
        made.append(1)
        return storage

    late = LateStorage(make)
    await late.close()
    assert made == []
    assert await late.get("a/b") == b"x"
    assert [info.key for info in await late.list("a/")] == ["a/b"]
    await late.close()
    assert made == [1]
