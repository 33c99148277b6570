"""The adapters of the queue and of the store that the contract suites run over."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from harness.cloud import Cloud
from telemetry.adapters.clock import ManualClock, SystemClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.adapters.queue.sqs import SqsQueue
from telemetry.adapters.storage.local import LocalStorage
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.adapters.storage.s3 import S3Storage
from telemetry.domain.store.storage import Storage
from telemetry.domain.transport.lease import LeaseTerms
from tests.builders import NOW
from tests.contract.timed import TimedQueue

TERMS = LeaseTerms(visibility_ms=30_000, max_receives=3)
SQS_TERMS = LeaseTerms(visibility_ms=2000, max_receives=2)  # SQS counts in whole seconds


def set_wall_clock(by_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process see another time than it is, whoever asks."""
    seconds, nanoseconds = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: seconds() + by_s)
    monkeypatch.setattr(time, "time_ns", lambda: nanoseconds() + round(by_s * 1e9))


@pytest.fixture
def manual_clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def by_hand(manual_clock: ManualClock) -> Callable[[float], Awaitable[None]]:
    async def let_pass(share: float) -> None:
        manual_clock.advance(share * TERMS.visibility_ms / 1000)

    return let_pass


@pytest.fixture
async def memory_queue(manual_clock, by_hand) -> AsyncIterator[TimedQueue]:
    queue = MemoryQueue(manual_clock, TERMS)
    yield TimedQueue(queue, manual_clock, TERMS, by_hand, manual_clock.jump)
    await queue.close()


@pytest.fixture
async def sqlite_queue(manual_clock, by_hand, tmp_path: Path) -> AsyncIterator[TimedQueue]:
    queue = SqliteQueue(tmp_path / "queue.db", manual_clock, TERMS, max_size=100_000_000)
    yield TimedQueue(queue, manual_clock, TERMS, by_hand, manual_clock.jump)
    await queue.close()


@pytest.fixture
async def sqs_queue(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TimedQueue]:
    async def let_pass(share: float) -> None:
        await asyncio.sleep(share * SQS_TERMS.visibility_ms / 1000)

    queue = SqsQueue(cloud.queue(SQS_TERMS.max_receives), SQS_TERMS, pause_s=0, poll_s=2)
    yield TimedQueue(queue, SystemClock(), SQS_TERMS, let_pass, lambda s: set_wall_clock(s, monkeypatch))
    await queue.close()


@pytest.fixture(params=["memory", "sqlite", "sqs"])
def every(request: pytest.FixtureRequest) -> TimedQueue:
    """Each of the queues."""
    queue: TimedQueue = request.getfixturevalue(f"{request.param}_queue")
    return queue


@pytest.fixture(params=["memory", "sqlite"])
def exact(request: pytest.FixtureRequest) -> TimedQueue:
    """Each of the queues that do exactly what the model does: a distributed one keeps no order."""
    queue: TimedQueue = request.getfixturevalue(f"{request.param}_queue")
    return queue


@pytest.fixture
async def memory_storage() -> AsyncIterator[MemoryStorage]:
    storage = MemoryStorage(SystemClock())
    yield storage
    await storage.close()


@pytest.fixture
async def local_storage(tmp_path: Path) -> AsyncIterator[LocalStorage]:
    storage = LocalStorage(tmp_path / "store")
    yield storage
    await storage.close()


@pytest.fixture
async def s3_storage(cloud: Cloud) -> AsyncIterator[S3Storage]:
    storage = S3Storage(cloud.bucket(), "a/prefix")
    yield storage
    await storage.close()


@pytest.fixture(params=["memory", "local", "s3"])
def storage(request: pytest.FixtureRequest) -> Storage:
    """Each of the stores."""
    storage: Storage = request.getfixturevalue(f"{request.param}_storage")
    return storage
