"""`telemetry consumer` goes on through failures and ends in order."""

import asyncio
import math
from pathlib import Path

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.metrics.consumer import ConsumerMetrics
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.coordination import carrying
from telemetry.domain.store import held_back
from telemetry.domain.store.consume import Consumer
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.entrypoints.process import log
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.roles import consumer as role
from tests.builders import a_body
from tests.fakes import FailingQueue, FailingStorage, FakeHeartbeat
from tests.waiting import until

RECORD = a_body(vehicle_id="v", payload={"x": 1})
CLOCK = SystemClock()


def serve(queue: MemoryQueue, storage: MemoryStorage, configured: Settings, stopping: asyncio.Event):
    consumer = Consumer(
        queue, storage, CLOCK, configured.partition_policy, configured.batch_limits, configured.lease_terms
    )
    logger = log.configure(configured, "Consumer")
    return asyncio.create_task(role.serve(consumer, configured, report(consumer, logger, stopping)))


def report(consumer: Consumer, logger: log.Log, stopping: asyncio.Event) -> role.Report:
    return role.Report(consumer, logger, FakeHeartbeat(), ConsumerMetrics("1.2.3", Path()), stopping)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "_PATIENCE_S", 0.001)
    monkeypatch.setattr(carrying, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(held_back, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(held_back, "_LONGEST_PAUSE_S", 0.001)


async def test_a_store_that_is_full_for_a_while_loses_nothing(capsys: pytest.CaptureFixture[str]):
    queue, storage, stopping = MemoryQueue(CLOCK, LeaseTerms()), FailingStorage(CLOCK), asyncio.Event()
    storage.puts_left = 0
    await queue.send([RECORD, b"nonsense"])
    serving = serve(queue, storage, Settings(batch_timeout=0.001), stopping)
    await until(lambda: storage.failures > 3)
    storage.puts_left = math.inf
    await until(lambda: "Batch processed" in capsys.readouterr().err)
    stopping.set()
    assert await serving == 0
    assert [info.key.split("/")[0] for info in await storage.list("")] == ["quarantine", "skewed"]


async def test_a_consumer_that_cannot_store_at_its_end_says_so_and_hands_back(
    capsys: pytest.CaptureFixture[str],
):
    queue, storage, stopping = MemoryQueue(CLOCK, LeaseTerms()), FailingStorage(CLOCK), asyncio.Event()
    storage.puts_left = 0
    await queue.send([RECORD])
    serving = serve(queue, storage, Settings(batch_timeout=3600), stopping)
    while not (await queue.depth()).leased:
        await asyncio.sleep(0)
    stopping.set()
    assert await serving == 1
    assert "No space left on device" in capsys.readouterr().err
    assert (await queue.depth()).ready == 1


async def test_at_debug_each_step_is_logged_and_otherwise_nothing_stands_between(
    capsys: pytest.CaptureFixture[str],
):
    configured = Settings(
        log_level="DEBUG", queue_backend="memory", storage_backend="memory", batch_timeout=0.001
    )
    container, stopping = Container(settings=configured), asyncio.Event()
    await container.queue().send([RECORD, RECORD])
    logger = log.configure(configured, "Consumer")
    consumer = role.make(container, logger)
    serving = asyncio.create_task(role.serve(consumer, configured, report(consumer, logger, stopping)))
    said = ""
    while "Batch processed" not in said:
        await asyncio.sleep(0.001)
        said += capsys.readouterr().err
    stopping.set()
    assert await serving == 0
    events = [line.partition(" [Consumer] ") for line in said.splitlines()]
    steps = [event.partition(":")[0] for head, _, event in events if head.endswith("DEBUG")]
    assert {"Polling", "Received 2 messages", "Writing batch", "Deleted 2 messages"} <= set(steps)
    assert (await container.queue().depth()).ready == 0

    quiet = Container(settings=Settings(queue_backend="memory", storage_backend="memory"))
    plain = role.make(quiet, log.configure(Settings(), "Consumer"))
    assert plain._queue is quiet.queue()
    assert plain._storage is quiet.storage()


async def test_leases_that_cannot_be_extended_give_a_warning(capsys: pytest.CaptureFixture[str]):
    queue, storage, stopping = FailingQueue(CLOCK), MemoryStorage(CLOCK), asyncio.Event()
    queue.failing = {"extend"}
    await queue.send([RECORD])
    configured = Settings(batch_timeout=3600, queue_visibility_timeout=0.01)
    serving = serve(queue, storage, configured, stopping)
    await until(lambda: queue.failures)
    stopping.set()
    await serving
    assert "Leases were not extended" in capsys.readouterr().err
    assert await storage.list("") != []
