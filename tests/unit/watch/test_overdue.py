"""Which hours somebody waits for."""

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo, StoreUnavailableError
from telemetry.domain.together import one_by_one
from telemetry.domain.watch.overdue import Deadlines, Overdue
from tests.builders import HOUR, NOW, a_record, put_batch

DUE = (HOUR + 1) * HOUR_MS + 600_000 + 300_000
"""When the hour of `a_record` should be complete: ten minutes after its end, and five more."""


class Counted(MemoryStorage):
    """A store that knows which prefixes were listed."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.listed: list[str] = []

    async def list(self, prefix: str) -> list[ObjectInfo]:
        self.listed.append(prefix)
        return [*await super().list(prefix)]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def storage(clock: ManualClock) -> Counted:
    return Counted(clock)


@pytest.fixture
def deadlines(storage: Counted) -> Deadlines:
    return Deadlines(storage, one_by_one, 600_000)


async def test_an_hour_is_overdue_once_it_should_be_complete_and_is_not(deadlines, storage):
    await put_batch(storage, a_record())
    assert await deadlines.missed(DUE, None) == []
    assert await deadlines.missed(DUE + 1, None) == [Overdue(HOUR, DUE, is_unseen=False)]


async def test_an_hour_with_skewed_records_only_is_overdue_as_well(deadlines, storage):
    await storage.put("skewed/year=2025/month=10/day=19/hour=14/batch-1-0.jsonl", b"")
    assert [each.hour for each in await deadlines.missed(DUE + 1, None)] == [HOUR]


async def test_an_hour_that_is_complete_or_has_no_record_is_never_overdue(deadlines, storage):
    assert await deadlines.missed(DUE + 1, None) == []
    await put_batch(storage, a_record())
    await storage.put(objects.complete_key(HOUR), b"")
    assert await deadlines.missed(DUE + 1, None) == []


async def test_a_complete_hour_is_not_asked_for_again(deadlines, storage):
    await put_batch(storage, a_record())
    await storage.put(objects.complete_key(HOUR), b"")
    await deadlines.missed(DUE + 1, None)
    await storage.delete(objects.complete_key(HOUR))
    storage.listed.clear()
    assert await deadlines.missed(DUE + 2, None) == []
    assert not [each for each in storage.listed if "hour=14" in each]


async def test_what_is_younger_than_its_figures_waits_for_an_aggregator(deadlines, storage, clock):
    await put_batch(storage, a_record())
    assert await deadlines.missed(NOW, NOW) == [Overdue(HOUR, NOW, is_unseen=True)]
    assert await deadlines.missed(NOW, None) == []
    assert await deadlines.missed(NOW, NOW - 1) == []
    clock.advance(1)
    await storage.put(objects.aggregated_key(HOUR), b"{}")
    assert await deadlines.missed(clock.wall_ms(), clock.wall_ms()) == []


async def test_an_hour_that_should_be_complete_is_named_once(deadlines, storage, clock):
    await put_batch(storage, a_record())
    clock.advance((DUE + 1 - NOW) / 1000)
    assert [each.is_unseen for each in await deadlines.missed(DUE + 1, DUE + 1)] == [False]


async def test_a_store_that_is_away_is_no_overdue_hour(deadlines, storage, monkeypatch):
    async def refuse(_: str) -> bytes:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(storage, "get", refuse)
    with pytest.raises(StoreUnavailableError, match="away"):
        await deadlines.missed(NOW, None)
