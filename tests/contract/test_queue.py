"""The queues of the package keep the laws of `telemetry.testing.queue`, as an adapter of a stranger does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.cloud import Cloud
from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.adapters.queue.sqs import SqsQueue
from telemetry.domain.transport.lease import BURIED, LeaseTerms
from telemetry.testing.queue import ExactQueueContract, QueueContract, Trial
from tests.builders import NOW

TERMS = LeaseTerms(visibility_ms=30_000, max_receives=3)
SQS_TERMS = LeaseTerms(visibility_ms=2000, max_receives=2)  # SQS counts in whole seconds


class TestMemory(ExactQueueContract):
    @pytest.fixture
    async def trial(self) -> AsyncIterator[Trial]:
        clock = ManualClock(NOW)
        queue = MemoryQueue(clock, TERMS)
        yield Trial.by_hand(queue, clock, TERMS)
        await queue.close()


class TestSqlite(ExactQueueContract):
    @pytest.fixture
    async def trial(self, tmp_path: Path) -> AsyncIterator[Trial]:
        clock = ManualClock(NOW)
        queue = SqliteQueue(tmp_path / "queue.db", clock, TERMS, max_size=100_000_000)
        yield Trial.by_hand(queue, clock, TERMS)
        await queue.close()


class TestSqs(QueueContract):
    @pytest.fixture
    async def trial(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Trial]:
        queue = SqsQueue(cloud.queue(SQS_TERMS.max_receives), SQS_TERMS, pause_s=0, poll_s=2)
        yield Trial.by_waiting(queue, SQS_TERMS, monkeypatch)
        await queue.close()

    async def test_a_service_that_tells_no_age_has_none(self, trial: Trial):
        await trial.queue.send([b"m"])
        assert await trial.queue.oldest_ms() is None


def test_the_log_says_how_often_a_dead_letter_was_on_lease_and_what_to_do():
    assert BURIED % (1, 3) == (
        "New dead letters: 1, each on lease 3 times without an answer; see telemetry dead-letters list"
    )
