"""`telemetry consumer` goes on through failures and ends in order."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.entrypoints.process import log, runtime
from telemetry.entrypoints.process.heartbeat import Heartbeat
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.roles import consumer

RECORD = (
    b'{"timestamp": "2025-10-19T12:34:56.123Z", "vehicle_id": "v", "can_id": "0x1F0", "payload": {"x": 1}}'
)
CLOCK = SystemClock()


class FailingStorage(MemoryStorage):
    """A store that fails as long as it is told to."""

    failing = True
    tried = 0

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        self.tried += 1
        if self.failing:
            raise StoreUnavailableError("No space left on device")
        await super().put(key, data, overwrite=overwrite)


class UnrenewableQueue(MemoryQueue):
    """A queue that does not extend leases."""

    asked = 0

    async def extend(self, handles: Sequence[str], seconds: float) -> Sequence[str]:
        self.asked += 1
        raise QueueUnavailableError("no way")


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


class Pulse(Heartbeat):
    """A heartbeat without a file."""

    def __init__(self) -> None:
        self.beats = 0

    def beat(self) -> None:
        self.beats += 1


def serve(queue: MemoryQueue, storage: MemoryStorage, configured: Settings, stopping: asyncio.Event):
    made = Consumer(
        queue, storage, CLOCK, configured.partition_policy, configured.batch_limits, configured.lease_terms
    )
    logger = log.configure(configured, "Consumer")
    return asyncio.create_task(consumer.serve(made, configured, logger, stopping, Pulse()))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch):
    async def pause(_stopping: asyncio.Event, _seconds: float) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(runtime, "pause", pause)
    monkeypatch.setattr(consumer, "_PATIENCE_S", 0.001)


async def test_a_store_that_is_full_for_a_while_loses_nothing(capsys: pytest.CaptureFixture[str]):
    queue, storage, stopping = MemoryQueue(CLOCK, LeaseTerms()), FailingStorage(CLOCK), asyncio.Event()
    await queue.send([RECORD, b"nonsense"])
    serving = serve(queue, storage, Settings(batch_timeout=0.001), stopping)
    await until(lambda: storage.tried > 3)
    storage.failing = False
    await until(lambda: "Batch processed" in capsys.readouterr().err)
    stopping.set()
    assert await serving == 0
    assert [entry.key.split("/")[0] for entry in await storage.list("")] == ["quarantine", "skewed"]


async def test_one_that_cannot_store_at_its_end_says_so_and_hands_back(capsys: pytest.CaptureFixture[str]):
    queue, storage, stopping = MemoryQueue(CLOCK, LeaseTerms()), FailingStorage(CLOCK), asyncio.Event()
    await queue.send([RECORD])
    serving = serve(queue, storage, Settings(batch_timeout=3600), stopping)
    while not (await queue.depth()).leased:
        await asyncio.sleep(0)
    stopping.set()
    assert await serving == 1
    assert "No space left on device" in capsys.readouterr().err
    assert (await queue.depth()).ready == 1


async def test_leases_that_cannot_be_extended_are_warned_of(capsys: pytest.CaptureFixture[str]):
    queue, storage, stopping = UnrenewableQueue(CLOCK, LeaseTerms()), MemoryStorage(CLOCK), asyncio.Event()
    await queue.send([RECORD])
    configured = Settings(batch_timeout=3600, queue_visibility_timeout=0.01)
    serving = serve(queue, storage, configured, stopping)
    await until(lambda: queue.asked)
    stopping.set()
    await serving
    assert "Leases were not extended" in capsys.readouterr().err
    assert await storage.list("") != []
