"""Each object once: what is kept of it makes an hour a merge, and may be lost at any time."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.adapters.cache.memory import MemoryCache
from telemetry.adapters.clock import ManualClock
from telemetry.coordination.together import Concurrently
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import Hour
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.figures import runs
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.fold import Fold, Task
from telemetry.domain.figures.hour import Built, Listing
from telemetry.domain.figures.rollup import Rollup
from telemetry.domain.figures.turn import FoldLimits
from telemetry.domain.store.storage import ObjectNotFoundError, StoreUnavailableError
from tests.builders import HOUR, NOW, a_record, put_batch, put_foreign, some_records
from tests.fakes import CountingStorage
from tests.unit.figures.test_rollup import RECORDS


@pytest.fixture
def storage() -> CountingStorage:
    return CountingStorage(ManualClock(NOW))


@pytest.fixture
def cache() -> MemoryCache:
    return MemoryCache()


async def build(
    storage: CountingStorage, cache: MemoryCache, limits: FoldLimits | None = None, *, is_over: bool = True
) -> Built:
    listing = Listing(await storage.list("raw/"), await storage.list("skewed/"))
    builder = Builder(Fold(storage, cache, Concurrently(), limits or FoldLimits()))
    return await builder.build(HOUR, listing, is_over=is_over)


def encoded(built: Built) -> bytes:
    return msgspec.json.encode(built.aggregated)


async def afresh(storage: CountingStorage) -> bytes:
    return encoded(await build(storage, MemoryCache()))


async def test_a_late_object_costs_exactly_one_get(storage, cache):
    for number in range(50):
        await put_batch(storage, *some_records(20, NOW + 4000 * number))
    await put_batch(storage, a_record(timestamp_ms=0))  # skewed, which is read elsewhere
    await build(storage, cache)
    assert len(storage.got) == 50
    storage.got.clear()
    late = await put_batch(storage, *some_records(3, NOW + 4000, can_id="0x2"), a_record(vehicle_id="new"))
    built = await build(storage, cache)
    assert storage.got == [late]
    assert built.aggregated.unique == 50 * 20 + 4
    assert encoded(built) == await afresh(storage)


async def test_an_hour_that_did_not_change_costs_no_get(storage, cache):
    await put_batch(storage, *some_records(20))
    before = await build(storage, cache)
    storage.got.clear()
    assert encoded(await build(storage, cache)) == encoded(before)
    assert storage.got == []


async def test_objects_are_read_together(storage, cache):
    for number in range(100):
        await put_batch(storage, a_record(timestamp_ms=NOW + number))
    await build(storage, cache)
    assert storage.most_at_once == 32


async def test_large_objects_are_not_held_together(storage, cache):
    for number in range(4):
        await put_batch(storage, a_record(timestamp_ms=NOW + number, payload={"x": 1.0}))
    listing = [msgspec.structs.replace(info, size=40_000_000) for info in await storage.list("raw/")]
    await Builder(Fold(storage, cache, Concurrently())).build(HOUR, Listing(listing, []))
    assert storage.most_at_once == 1


class Loser(MemoryCache):
    """A cache that loses or damages what it has, as told."""

    def forget(self, names: Sequence[str]) -> None:
        for name in names:
            del self._kept[name]

    def damage(self, names: Sequence[str]) -> None:
        for name in names:
            self._kept[name] = self._kept[name][:-1]

    @property
    def names(self) -> list[str]:
        return sorted(self._kept)


@pytest.mark.parametrize("what", ["forget", "damage"])
@pytest.mark.parametrize("which", ["all", "states", "objects", "some"])
async def test_what_the_cache_loses_costs_reads_and_changes_no_byte(storage, what, which):
    cache = Loser()
    for number in range(6):
        await put_batch(storage, *some_records(5, NOW + 1000 * number))
    await build(storage, cache)
    names = {
        "all": cache.names,
        "states": [name for name in cache.names if "state" in name],
        "objects": [name for name in cache.names if "state" not in name],
        "some": cache.names[::2],
    }
    getattr(cache, what)(names[which])
    await put_batch(storage, *some_records(5, NOW + 500))
    assert encoded(await build(storage, cache)) == await afresh(storage)


async def test_what_meets_more_records_than_may_be_held_is_folded_with_all_of_its_vehicle(storage, cache):
    limits = FoldLimits(records=30)
    for number in range(2):
        await put_batch(storage, *some_records(20, NOW + number))
        await build(storage, cache, limits, is_over=False)
    await put_batch(storage, *some_records(3, NOW), *some_records(2, NOW + 50_000))
    built = await build(storage, cache, limits, is_over=False)
    assert (built.aggregated.unique, built.aggregated.duplicates) == (42, 3)


async def test_an_object_of_another_size_under_its_name_is_read_again(storage, cache):
    key = await put_foreign(storage, *some_records(2))
    await build(storage, cache)
    await storage.put(key, codec.encode_lines(some_records(1)), overwrite=True)
    assert (await build(storage, cache)).aggregated.unique == 1


async def test_an_object_that_is_gone_is_gone_from_the_figures(storage, cache):
    key = await put_batch(storage, *some_records(2))
    await put_batch(storage, *some_records(3, NOW + 5000))
    await build(storage, cache)
    storage.got.clear()
    await storage.delete(key)
    built = await build(storage, cache)
    assert (built.aggregated.unique, storage.got) == (3, [])


async def test_an_object_that_vanishes_with_its_columns_is_named(storage):
    cache = Loser()
    key = await put_batch(storage, *some_records(2))
    await build(storage, cache)
    await put_batch(storage, *some_records(3, NOW + 5000))
    listing = Listing(await storage.list("raw/"), [])
    await storage.delete(key)
    cache.forget([name for name in cache.names if "state" not in name])
    built = await Builder(Fold(storage, cache)).build(HOUR, listing)
    assert [error.key for error in built.damage] == [key]
    assert (built.aggregated.unique, built.aggregated.objects) == (3, 1)


async def test_damaged_lines_are_said_again_when_nothing_is_read(storage, cache):
    key = await put_batch(storage, *some_records(2))
    await storage.put(key, await storage.get(key) + b"torn\n", overwrite=True)
    first, second = await build(storage, cache), await build(storage, cache)
    assert [str(error) for error in first.damage] == [str(error) for error in second.damage] != []
    assert encoded(first) == encoded(second)


async def test_an_object_without_a_record_changes_no_vehicle_and_costs_one_get(storage, cache):
    await put_batch(storage, *some_records(2))
    before = await build(storage, cache)
    torn = "raw/year=2025/month=10/day=19/hour=14/batch-0-torn.jsonl"
    await storage.put(torn, b"torn\n")
    storage.got.clear()
    built = await build(storage, cache)
    assert (built.aggregated.refused, storage.got) == (1, [torn])
    assert built.aggregated.vehicles == before.aggregated.vehicles


async def test_an_hour_that_was_prepared_is_built_without_a_get(storage, cache):
    await put_batch(storage, *some_records(20))
    aggregator = Aggregator(storage, builder=Builder(Fold(storage, cache)))
    await aggregator.prepare(HOUR)
    await aggregator.prepare(Hour(HOUR + 1))  # of which nothing is there
    storage.got.clear()
    built = await aggregator.build(HOUR)
    assert built
    assert built.aggregated.unique == 20
    assert [key for key in storage.got if key.startswith("raw/")] == []


async def test_preparing_an_hour_that_cannot_be_listed_does_nothing(storage, cache):
    storage.failing = {"list"}
    await Aggregator(storage, builder=Builder(Fold(storage, cache))).prepare(HOUR)
    assert storage.got == []


async def test_times_of_vehicles_are_read_from_the_cache(storage, cache):
    await put_batch(storage, *some_records(3), a_record(vehicle_id="other"))
    fold = Fold(storage, cache)
    task = Task(HOUR, await storage.list("raw/"))
    await fold(task)
    storage.got.clear()
    found = await fold.times(task, {"veh-00123"})
    assert {stream: times.tolist() for stream, times in found.items()} == {
        ("veh-00123", "0x1F0"): [NOW + 200 * at for at in range(3)]
    }
    assert storage.got == []
    assert await fold.times(task, {"nobody"}) == {}


async def test_times_that_are_lost_and_cannot_be_read_are_none(storage):
    cache = Loser()
    await put_batch(storage, *some_records(3))
    fold, task = Fold(storage, cache), Task(HOUR, await storage.list("raw/"))
    await fold(task)
    cache.forget([name for name in cache.names if "state" not in name])
    storage.failing = {"get"}
    assert await fold.times(task, {"veh-00123"}) == {}


async def test_what_a_look_finds_becomes_several_runs_if_it_is_much(storage, monkeypatch):
    monkeypatch.setattr(runs, "_RECORDS", 30)
    for number in range(4):
        await put_batch(storage, *some_records(20, NOW + 5000 * number))
    loser = Loser()
    assert (await build(storage, loser)).aggregated.unique == 80
    assert len([name for name in loser.names if "run-" in name]) == 4


# While an hour is open


@pytest.mark.parametrize("records", [1, 1000])
@pytest.mark.parametrize(
    ("copy", "conflicting", "average"),
    [
        (a_record(payload={"x": 1.0}, received_ms=NOW + 900), 0, 1.0),
        (a_record(payload={"x": 2.0}, received_ms=NOW + 900), 1, 1.0),
        (a_record(payload={"x": 1.0}, received_ms=NOW + 100), 0, 1.0),
        (a_record(payload={"x": 2.0}, received_ms=NOW + 100), 1, 2.0),
        (a_record(payload={"x": 0.5}, received_ms=NOW + 200), 1, 0.5),
    ],
)
async def test_a_copy_that_comes_to_an_open_hour_counts_as_it_should(
    storage, copy, conflicting, average, records
):
    cache, limits = MemoryCache(), FoldLimits(records=records)
    await put_batch(storage, a_record(payload={"x": 1.0}, received_ms=NOW + 200))
    await build(storage, cache, limits, is_over=False)
    await put_batch(storage, copy, a_record(timestamp_ms=NOW + 1000, payload={"y": 1.0}))
    found = (await build(storage, cache, limits, is_over=False)).aggregated
    assert (found.unique, found.duplicates, found.conflicting) == (2, 1, conflicting)
    assert found.vehicles["veh-00123"].signals["x"].avg == average
    assert not found.is_measured


async def test_records_between_others_are_compared_with_those_of_their_time_alone(storage, cache):
    opened: list[str] = []

    class Opening(MemoryCache):
        async def get(self, name: str) -> memoryview | None:
            opened.append(name)
            return await super().get(name)

    cache = Opening()
    for minute in range(3):
        await put_batch(storage, *some_records(5, NOW + 60_000 * minute))
        await build(storage, cache, is_over=False)
    opened.clear()
    await put_batch(storage, a_record(timestamp_ms=NOW + 60_100))
    built = await build(storage, cache, is_over=False)
    assert built.aggregated.unique == 16
    assert len([name for name in opened if "run-" in name]) == 1


# Memory


@pytest.mark.parametrize("records", [1, 7, 20, 1000])
async def test_vehicles_are_folded_in_groups_that_are_not_too_large(storage, cache, records):
    sent = [a_record(vehicle_id=f"v{at % 9}", timestamp_ms=NOW + at // 9) for at in range(90)]
    for start in range(0, 90, 30):
        await put_batch(storage, *sent[start : start + 30], *sent[:3])
    limits = FoldLimits(records=records)
    assert encoded(await build(storage, cache, limits)) == await afresh(storage)
    await put_batch(storage, *sent[:50], a_record(vehicle_id="v4", timestamp_ms=NOW + 70_000))
    assert encoded(await build(storage, cache, limits)) == await afresh(storage)


async def test_signals_beyond_the_bound_are_counted_in_the_figures(storage, cache):
    await put_batch(storage, a_record(payload={f"s{number:02}": 1.0 for number in range(12)}))
    built = await build(storage, cache, FoldLimits(names=10))
    assert built.aggregated.left_out == 2
    assert list(built.aggregated.vehicles["veh-00123"].signals) == [f"s{number:02}" for number in range(10)]


# Buckets


async def test_an_hour_whose_number_of_buckets_changed_counts_each_record_once(storage, cache):
    sent = [a_record(vehicle_id=f"v{number}") for number in range(8)]
    for record in sent:
        await put_batch(storage, record, policy=PartitionPolicy(buckets=2))
        await put_batch(storage, record, policy=PartitionPolicy(buckets=3), now=NOW + 1)
    built = await build(storage, cache)
    assert (built.aggregated.unique, built.aggregated.duplicates) == (8, 8)


async def test_a_store_that_lets_nothing_be_read_is_away(storage, cache):
    await put_batch(storage, *some_records(2))
    storage.failing = {"get"}
    with pytest.raises(StoreUnavailableError):
        await build(storage, cache)


async def test_what_a_job_raises_is_raised(storage, cache):
    await put_batch(storage, a_record())

    async def broken(_: object) -> None:
        raise ObjectNotFoundError("gone")

    builder = Builder(Fold(storage, cache), engine=broken)  # type: ignore[arg-type]  # which never returns
    with pytest.raises(ObjectNotFoundError):
        await builder.build(HOUR, Listing(await storage.list("raw/"), []))


# All of it


@given(
    st.lists(st.lists(RECORDS, min_size=1, max_size=6), min_size=1, max_size=6), st.data(), st.integers(1, 12)
)
def test_whatever_comes_in_whatever_steps_the_figures_are_those_of_one_pass(batches, data, records):
    asyncio.run(check_history(batches, data, FoldLimits(records=records)))


async def check_history(batches: list[list[Record]], data: st.DataObject, limits: FoldLimits) -> None:
    storage, cache, everything = CountingStorage(ManualClock(NOW)), Loser(), Rollup(HOUR)
    for number, batch in enumerate(batches):
        lines = codec.encode_lines(batch)
        await storage.put(f"raw/year=2025/month=10/day=19/hour=14/batch-{number}.jsonl", lines)
        everything.add(lines)
        lost = data.draw(st.lists(st.sampled_from(cache.names), unique=True)) if cache.names else []
        cache.forget(lost)
        if data.draw(st.booleans()):
            is_over = data.draw(st.booleans())
            built = await build(storage, cache, limits, is_over=is_over)
            check(built, everything, is_over=is_over)
    check(await build(storage, cache, limits), everything, is_over=True)


def check(built: Built, everything: Rollup, *, is_over: bool) -> None:
    expected = everything.figures()
    vehicles = {
        vehicle_id: msgspec.structs.replace(vehicle, streams={})
        for vehicle_id, vehicle in expected.vehicles.items()
    }
    if not is_over:  # an open hour may have measured streams, and only those that did not change
        for vehicle_id, vehicle in built.aggregated.vehicles.items():
            assert vehicle.streams in ({}, expected.vehicles[vehicle_id].streams)
            assert msgspec.structs.replace(vehicle, streams={}) == vehicles[vehicle_id]
        expected = msgspec.structs.replace(expected, vehicles=built.aggregated.vehicles)
    for field in expected.__struct_fields__:
        assert getattr(built.aggregated, field) == getattr(expected, field)
