"""Which hours have objects, and the removal of old ones."""

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.moment import HOUR_MS, Hour, Span
from telemetry.domain.contract.record import Record
from telemetry.domain.lake import census
from telemetry.domain.lake.expire import Expiry
from tests.builders import HOUR, NOW, a_record, put_batch
from tests.lake import KilledError, WatchedStorage, certify, compactor_of, read_hour

LATER = Hour(HOUR + 30)
LATER_MS = 30 * HOUR_MS


@pytest.fixture
def storage() -> WatchedStorage:
    return WatchedStorage(ManualClock(NOW))


def later() -> Record:
    return a_record(timestamp_ms=NOW + LATER_MS, received_ms=NOW + LATER_MS)


async def test_hours_are_found_by_tree_and_span_whatever_others_put_there(storage: WatchedStorage):
    await put_batch(storage, a_record())
    await put_batch(storage, later())
    await put_batch(storage, a_record(received_ms=NOW + 300 * HOUR_MS))
    for key in ("raw/x/y/z/file", "raw/year=2025/month=10/day=19/file", "compacted/file"):
        await storage.put(key, b"")
    assert await census.hours(storage, census.RAW, Span()) == [HOUR, LATER]
    assert await census.hours(storage, census.ALL, Span()) == [HOUR, LATER, HOUR + 300]
    assert await census.hours(storage, census.RAW, Span(LATER, None)) == [LATER]
    assert await census.hours(storage, census.RAW, Span(None, HOUR)) == [HOUR]


async def test_records_of_hours_that_ended_long_enough_ago_go_and_others_stay(storage: WatchedStorage):
    await put_batch(storage, a_record())
    await put_batch(storage, later())
    age = Expiry(storage, 10 * HOUR_MS)
    ends = (HOUR + 1) * HOUR_MS
    assert await age.expire(ends + 10 * HOUR_MS - 1, is_trial=False) == []
    (trial,) = await age.expire(ends + 10 * HOUR_MS, is_trial=True)
    (done,) = await age.expire(ends + 10 * HOUR_MS, is_trial=False)
    assert (trial, done.hour, done.objects) == (done, HOUR, 1)
    assert await census.hours(storage, census.ALL, Span()) == [LATER]


@pytest.mark.parametrize("step", range(7))
async def test_no_manifest_names_what_is_gone_wherever_it_is_killed(storage: WatchedStorage, step: int):
    clock = ManualClock(NOW + HOUR_MS)
    await put_batch(storage, a_record())
    await certify(storage)
    await compactor_of(storage, clock).compact(HOUR)
    await put_batch(storage, a_record(), now=NOW + 1)
    await certify(storage)
    await compactor_of(storage, clock).compact(HOUR)
    counted: list[int] = []

    async def look() -> None:
        counted.append(len(await read_hour(storage)))

    storage.look, storage.left = look, step
    with pytest.raises(KilledError):
        await Expiry(storage, 0).expire(NOW + 2 * HOUR_MS, is_trial=False)
    storage.look = storage.left = None
    await Expiry(storage, 0).expire(NOW + 2 * HOUR_MS, is_trial=False)
    assert await census.hours(storage, census.ALL, Span()) == []
    assert counted == sorted(counted, reverse=True)
