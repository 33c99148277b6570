"""A consumer at work: what goes on at the same time, within which bounds, and how it ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.coordination import carrying
from telemetry.coordination.carrying import Carrier
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.errors import OutOfReachError, TelemetryError
from telemetry.domain.store import consume, gathering
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.flush import NewObject, StoredBatch
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import LeaseTerms
from tests.builders import NOW, POLICY, a_record, an_envelope
from tests.fakes import FailingQueue, FailingStorage
from tests.waiting import settle, until

AT_ONCE = BatchLimits(count=1, size=1_000_000, age_s=0.001)
"""A batch is due with its first message, and soon so old that it goes beside others."""


class Heard:
    """A witness that remembers."""

    def __init__(self) -> None:
        self.turns = 0
        self.batches: list[StoredBatch] = []
        self.complaints: list[str] = []

    def turned(self) -> None:
        self.turns += 1

    def stored(self, batch: StoredBatch) -> None:
        self.batches.append(batch)

    def unwritten(self, new: NewObject, error: TelemetryError) -> None:
        self.complaints.append(f"{new.folder}: {error}")

    def unreached(self, verb: str, error: OutOfReachError) -> None:
        self.complaints.append(f"{verb}: {error}")

    @property
    def records(self) -> int:
        return sum(batch.records for batch in self.batches)


class Slow(FailingStorage):
    """A store whose puts wait for a gate, and that counts those that are under way."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.gate = asyncio.Event()
        self.under_way: list[str] = []

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        self.under_way.append(key)
        try:
            await self.gate.wait()
            await super().put(key, data, overwrite=overwrite)
        finally:
            self.under_way.remove(key)


class Run:
    """A consumer that carries, and what it works with."""

    def __init__(self, limits: BatchLimits = AT_ONCE, shutdown_s: float = 60) -> None:
        self.queue, self.storage, self.heard = FailingQueue(SystemClock()), Slow(), Heard()
        terms = LeaseTerms()
        self.consumer = Consumer(self.queue, self.storage, SystemClock(), POLICY, limits, terms)
        self.carrier = Carrier(self.consumer, self.heard, renew_every_s=0.001, shutdown_s=shutdown_s)
        self.stopping = asyncio.Event()
        self.running = asyncio.create_task(self.carrier.run(self.stopping))

    async def send(self, count: int, hours_ago: int = 0) -> None:
        first = NOW - hours_ago * HOUR_MS
        await self.queue.send([an_envelope(a_record(timestamp_ms=first + n)) for n in range(count)])

    async def stop(self) -> int:
        self.stopping.set()
        return await self.running

    async def depth(self) -> tuple[int, int]:
        depth = await self.queue.depth()
        return depth.ready, depth.leased


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "_PATIENCE_S", 0.001)
    monkeypatch.setattr(carrying, "_FIRST_PAUSE_S", 0.001)


@pytest.fixture
async def run() -> AsyncIterator[Run]:
    made = Run()
    yield made
    made.running.cancel()
    await asyncio.wait([made.running])


async def test_while_a_flush_is_being_written_more_is_received_and_written_beside_it(run: Run):
    for under_way in (1, 2, 3):
        await run.send(1)
        await until(lambda: len(run.storage.under_way) == under_way)  # noqa: B023  # called at once
    assert await run.depth() == (0, 3)
    run.storage.gate.set()
    await until(lambda: run.heard.records == 3)
    assert await run.depth() == (0, 0)


async def test_the_objects_of_one_flush_are_written_at_once(run: Run):
    for hours_ago in range(5):
        await run.send(1, hours_ago)
    await until(lambda: len(run.storage.under_way) == 5)
    run.storage.gate.set()
    await until(lambda: run.heard.records == 5)
    assert len(run.heard.batches) == 1


async def test_no_more_flushes_are_under_way_than_may_be(run: Run):
    for _ in range(consume.MOST_UNDER_WAY + 3):
        before = run.heard.turns
        await run.send(1)
        await until(lambda: run.heard.turns > before + 3)  # noqa: B023  # called at once
    assert len(run.storage.under_way) == consume.MOST_UNDER_WAY
    run.storage.gate.set()
    await until(lambda: run.heard.records == consume.MOST_UNDER_WAY + 3)


async def test_while_a_full_batch_waits_nothing_more_is_received(run: Run, monkeypatch: pytest.MonkeyPatch):
    for under_way in range(1, consume.MOST_UNDER_WAY + 1):
        await run.send(1)
        await until(lambda: len(run.storage.under_way) == under_way)  # noqa: B023  # called at once
    monkeypatch.setattr(gathering, "MAX_BATCH", 100)
    await run.send(1)
    await until(lambda: not run.consumer.may_receive)
    await run.send(1)
    await settle()
    assert await run.depth() == (1, consume.MOST_UNDER_WAY + 1)
    run.storage.gate.set()
    await until(lambda: run.heard.records == consume.MOST_UNDER_WAY + 2)


async def test_an_hour_that_cannot_be_written_stops_no_other_and_is_stored_when_it_can_be(run: Run):
    run.storage.gate.set()
    run.storage.broken = "hour=13"
    for _ in range(3):
        await run.send(1, hours_ago=0)
        await run.send(1, hours_ago=1)
        await run.send(1, hours_ago=2)
        before = run.heard.records
        await until(lambda: run.heard.records == before + 2)  # noqa: B023  # called at once
    assert run.consumer.held_back == 3
    assert {each.partition(":")[0] for each in run.heard.complaints} == {
        "raw/year=2025/month=10/day=19/hour=13"
    }
    run.storage.broken = "nothing"
    await until(lambda: run.heard.records == 9)
    assert await run.depth() == (0, 0)


async def test_what_is_stored_and_cannot_be_deleted_is_deleted_later_and_not_stored_again(run: Run):
    run.storage.gate.set()
    run.queue.failing = {"delete"}
    await run.send(1)
    await until(lambda: run.heard.complaints.count("delete: delete fails") > 2)
    assert run.heard.batches == []
    run.queue.failing = ()
    await until(lambda: run.heard.records == 1)
    assert len(await run.storage.list("raw/")) == 1


async def test_a_queue_that_cannot_be_received_from_is_asked_again(run: Run):
    run.storage.gate.set()
    run.queue.failing = {"receive"}
    await until(lambda: run.heard.complaints.count("receive: receive fails") > 2)
    run.queue.failing = ()
    await run.send(1)
    await until(lambda: run.heard.records == 1)


async def test_at_the_end_what_is_gathered_and_what_is_under_way_is_stored():
    run = Run(BatchLimits(count=2, size=1_000_000, age_s=3600))
    await run.send(2)
    await until(lambda: run.storage.under_way)
    await run.send(1)
    await until(lambda: run.queue.waits and run.consumer._gathering.deadline_s)
    run.stopping.set()
    await settle()
    run.storage.gate.set()
    assert await run.running == 0
    assert run.heard.records == 3
    assert await run.depth() == (0, 0)


async def test_at_the_end_what_cannot_be_stored_is_handed_back():
    run = Run()
    run.storage.gate.set()
    run.storage.broken = "hour=14"
    await run.send(2)
    await until(lambda: run.consumer.held_back == 2)
    assert await run.stop() == 2
    assert await run.depth() == (2, 0)


async def test_at_the_end_a_store_that_does_not_answer_is_not_waited_for_longer_than_may_be():
    run = Run(shutdown_s=0.01)
    await run.send(1)
    await until(lambda: run.storage.under_way)
    with pytest.raises(TimeoutError):
        await run.stop()
    assert await run.depth() == (1, 0)
    assert run.storage.under_way == []


async def test_at_the_end_a_queue_that_does_not_delete_is_asked_once_more():
    run = Run()
    run.storage.gate.set()
    run.queue.failing = {"delete"}
    await run.send(1)
    await until(lambda: run.heard.complaints)
    assert await run.stop() == 1
    assert await run.depth() == (1, 0)


async def test_leases_are_extended_whatever_is_being_waited_for(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run.consumer._leases, "visibility_s", 0.001)
    await run.send(1)
    await until(lambda: run.storage.under_way)
    await until(lambda: len(run.queue.extensions) > 3)
    run.queue.failing = {"extend"}
    await until(lambda: "extend: extend fails" in run.heard.complaints)


async def test_an_error_that_nobody_expected_ends_it():
    run = Run()
    run.storage.gate.set()

    def fail() -> None:
        raise RecursionError

    run.storage.before_put = fail
    await run.send(1)
    with pytest.raises(ExceptionGroup) as caught:
        await run.running
    assert caught.group_contains(RecursionError)
    assert await run.depth() == (1, 0)
