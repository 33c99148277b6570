"""The figures of an hour as they are built from its objects, and which hours are out of date."""

import math
from typing import Any

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.hour import Aggregated
from telemetry.domain.figures.rollup import SignalFigures, VehicleFigures
from telemetry.domain.store import objects
from telemetry.domain.store.storage import StoreUnavailableError
from tests.builders import HOUR, NOW, a_record, put_batch, put_foreign, some_records
from tests.fakes import FailingStorage

KEY = objects.aggregated_key(HOUR)


@pytest.fixture
def storage() -> FailingStorage:
    return FailingStorage(ManualClock(NOW))


async def build(storage: MemoryStorage, hour: int = HOUR) -> Aggregated:
    built = await Aggregator(storage).build(Hour(hour))
    assert built
    assert (built.hour, built.key) == (hour, objects.aggregated_key(Hour(hour)))
    return built.aggregated


async def test_an_hour_without_objects_has_no_figures(storage):
    aggregator = Aggregator(storage)
    assert await aggregator.build(HOUR) is None
    assert await aggregator.refresh(HOUR) is None
    assert not await aggregator.is_stale(HOUR)
    assert await aggregator.figures(HOUR) is None
    assert await storage.list("") == []


async def test_the_figures_of_an_hour_name_their_input_and_every_vehicle(storage):
    await put_batch(storage, *some_records(2, payload={"x": 1.0}))
    await put_batch(storage, a_record(vehicle_id="other", payload={"y": 4.0}))
    figures = await build(storage)
    assert (figures.hour, figures.objects) == ("2025-10-19T14:00:00.000Z", 2)
    assert (figures.records, figures.unique, figures.duplicates, figures.refused, figures.skewed) == (
        3,
        3,
        0,
        0,
        0,
    )
    first, last = "2025-10-19T14:30:00.000Z", "2025-10-19T14:30:00.200Z"
    assert {name: msgspec.structs.replace(each, streams={}) for name, each in figures.vehicles.items()} == {
        "other": VehicleFigures(1, first, first, {"y": SignalFigures(1, 4.0, 4.0, 4.0)}),
        "veh-00123": VehicleFigures(2, first, last, {"x": SignalFigures(2, 1.0, 1.0, 1.0)}),
    }


async def test_the_figures_are_stored_as_json_under_the_name_of_their_hour(storage):
    await put_batch(storage, a_record(payload={"x": 1.5}))
    figures = await build(storage)
    stored: dict[str, Any] = msgspec.json.decode(await storage.get(KEY))
    assert stored.pop("input_digest") == figures.input_digest
    assert stored == {
        "hour": "2025-10-19T14:00:00.000Z",
        "objects": 1,
        "raw_objects": 1,
        "records": 1,
        "unique": 1,
        "duplicates": 0,
        "refused": 0,
        "skewed": 0,
        "damaged": 0,
        "conflicting": 0,
        "certificate": None,
        "inputs_missing": 0,
        "inputs_waiting": 0,
        "left_out": 0,
        "vehicles": {
            "veh-00123": {
                "count": 1,
                "first": "2025-10-19T14:30:00.000Z",
                "last": "2025-10-19T14:30:00.000Z",
                "signals": {"x": {"count": 1, "min": 1.5, "max": 1.5, "avg": 1.5}},
                "streams": {
                    "0x1F0": {
                        "period_s": None,
                        "expected": 1,
                        "received": 1,
                        "gaps": 0,
                        "longest_gap_s": 0.0,
                        "longest_gap_from": None,
                        "asleep_s": 0.0,
                        "unavailable": 0.0,
                        "first": "2025-10-19T14:30:00.000Z",
                        "last": "2025-10-19T14:30:00.000Z",
                        "parked": None,
                    }
                },
            }
        },
    }
    assert await Aggregator(storage).figures(HOUR) == figures


async def test_rebuilding_gives_identical_bytes(storage):
    for number in range(5):
        await put_batch(storage, *some_records(20, NOW + 1000 * number))
    await build(storage)
    bytes_before = await storage.get(KEY)
    await storage.delete(KEY)
    await build(storage)
    assert await storage.get(KEY) == bytes_before


async def test_objects_of_other_names_and_sizes_but_the_same_records_give_the_same_figures(storage):
    other = MemoryStorage(ManualClock(NOW))
    sent = some_records(20)
    await put_batch(storage, *sent)
    await put_batch(other, *sent[12:], now=NOW + 5, suffix="jsonl.zst")
    await put_batch(other, *sent[:12], now=NOW + 9)
    one, another = await build(storage), await build(other)
    assert one.vehicles == another.vehicles
    assert one.input_digest != another.input_digest


async def test_records_of_every_bucket_are_in_the_hours_figures(storage):
    policy = PartitionPolicy(buckets=4)
    for number in range(40):
        await put_batch(storage, a_record(vehicle_id=f"v{number}"), policy=policy)
    figures = await build(storage)
    assert (figures.objects, figures.unique, len(figures.vehicles)) == (40, 40, 40)


async def test_records_of_neighbouring_hours_are_in_their_own_hours_figures(storage):
    for hours in (-1, 0, 1):
        await put_batch(
            storage, a_record(timestamp_ms=NOW + hours * HOUR_MS, received_ms=NOW + hours * HOUR_MS)
        )
    for hours in (-1, 0, 1):
        assert (await build(storage, HOUR + hours)).unique == 1


async def test_skewed_records_are_counted_and_in_no_hours_figures(storage):
    await put_batch(storage, a_record())
    await put_batch(storage, *(a_record(timestamp_ms=number, received_ms=NOW) for number in range(3)))
    figures = await build(storage)
    assert (figures.objects, figures.records, figures.skewed) == (2, 1, 3)
    assert await Aggregator(storage).build(Hour(0)) is None


async def test_an_hour_of_skewed_records_alone_has_figures_that_say_so(storage):
    await put_batch(storage, a_record(timestamp_ms=0))
    figures = await build(storage)
    assert (figures.objects, figures.skewed, figures.vehicles) == (1, 1, {})


async def test_lines_that_are_no_records_are_counted_as_refused(storage):
    await put_foreign(storage, a_record(), more=b'{"foreign":1}\n\xff\n')
    figures = await build(storage)
    assert (figures.refused, figures.records) == (2, 1)


# Keeping hours current


async def test_an_hour_is_built_only_when_its_listing_has_changed(storage):
    aggregator = Aggregator(storage)
    await put_batch(storage, a_record())
    assert await aggregator.refresh(HOUR)
    assert await aggregator.refresh(HOUR) is None
    await put_batch(storage, a_record(timestamp_ms=NOW + 1))
    assert await aggregator.is_stale(HOUR)
    built = await aggregator.refresh(HOUR)
    assert built
    assert built.aggregated.unique == 2
    assert not await aggregator.is_stale(HOUR)


async def test_an_object_that_grew_under_its_name_changes_the_listing(storage):
    aggregator = Aggregator(storage)
    key = await put_foreign(storage, *some_records(2))
    await aggregator.refresh(HOUR)
    more = codec.encode_lines([a_record(can_id="0x2")])
    await storage.put(key, await storage.get(key) + more, overwrite=True)
    built = await aggregator.refresh(HOUR)
    assert built
    assert built.aggregated.unique == 3


async def test_late_skewed_records_change_the_listing_too(storage):
    aggregator = Aggregator(storage)
    await put_batch(storage, a_record())
    await aggregator.refresh(HOUR)
    await put_batch(storage, a_record(timestamp_ms=0))
    built = await aggregator.refresh(HOUR)
    assert built
    assert built.aggregated.skewed == 1


async def test_a_new_process_knows_what_figures_were_built_from(storage):
    await put_batch(storage, a_record())
    await build(storage)
    restarted = Aggregator(storage)
    assert not await restarted.is_stale(HOUR)
    assert await restarted.refresh(HOUR) is None
    await put_batch(storage, a_record(timestamp_ms=NOW + 1))
    assert await Aggregator(storage).refresh(HOUR)


@pytest.mark.parametrize(
    "damage", [b"", b"{}", b"{", b"\xff", b'{"hour":"\xff', b"[" * 20_000, b'{"x":' + b"[" * 20_000]
)
async def test_figures_that_cannot_be_read_are_built_anew(storage, damage):
    await put_batch(storage, a_record())
    await build(storage)
    whole = await storage.get(KEY)
    await storage.put(KEY, damage, overwrite=True)
    assert await Aggregator(storage).figures(HOUR) is None
    assert await Aggregator(storage).refresh(HOUR)
    assert await storage.get(KEY) == whole


async def test_building_on_demand_builds_though_nothing_has_changed(storage):
    aggregator = Aggregator(storage)
    await put_batch(storage, a_record())
    first, again = await aggregator.build(HOUR), await aggregator.build(HOUR)
    assert first
    assert again
    assert (first.is_new, again.is_new) == (True, False)
    assert first.aggregated == again.aggregated


# Damage


@pytest.mark.parametrize("record", [a_record(), a_record(timestamp_ms=0)], ids=["raw", "skewed"])
async def test_a_damaged_object_is_named_and_counted_and_the_rest_is_built(storage, record):
    await put_batch(storage, a_record(can_id="0x2"))
    key = await put_batch(storage, record, suffix="jsonl.zst")
    await storage.put(key, (await storage.get(key))[:-1], overwrite=True)
    built = await Aggregator(storage).refresh(HOUR)
    assert built is not None
    (error,) = built.damage
    assert error.key == key
    assert str(error).startswith(f"{key} is damaged: It is not one whole zstd frame")
    assert (built.aggregated.damaged, built.aggregated.objects, built.aggregated.unique) == (1, 2, 1)
    assert await Aggregator(storage).refresh(HOUR) is None  # until its objects change


async def test_damaged_lines_are_named_by_their_object_with_the_first_of_them(storage):
    later = codec.encode_lines([a_record(timestamp_ms=NOW + HOUR_MS)])
    key = await put_foreign(storage, a_record(), more=b"torn\n" + later)
    built = await Aggregator(storage).build(HOUR)
    assert built is not None
    (error,) = built.damage
    assert (error.key, built.aggregated.refused, built.aggregated.damaged) == (key, 2, 0)
    assert error.why.startswith("2 lines are left out, line 2: ")


async def test_a_store_that_cannot_be_written_is_tried_again(storage):
    await put_batch(storage, a_record())
    aggregator = Aggregator(storage)
    storage.puts_left = 0
    with pytest.raises(StoreUnavailableError, match="No space"):
        await aggregator.refresh(HOUR)
    storage.puts_left = math.inf
    assert await aggregator.refresh(HOUR)
