"""The course of one vehicle's hour, from its raw objects."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError, StoreUnavailableError
from telemetry.domain.watch import course
from telemetry.domain.watch.course import MOST_BYTES, MOST_OBJECTS, MOST_PANELS, Course, Courses
from tests.builders import HOUR, NOW, POLICY, a_record, put_batch
from tests.fakes import FailingStorage

START = HOUR * HOUR_MS


@pytest.fixture
def storage() -> FailingStorage:
    return FailingStorage(ManualClock(NOW))


async def read(storage: FailingStorage, vehicle_id: str = "v", policy: PartitionPolicy = POLICY) -> Course:
    return await Courses(storage, policy).read(vehicle_id, HOUR)


def at(second: float, vehicle_id: str = "v", **changes: Any) -> Record:
    ms = START + round(second * 1000)
    return a_record(timestamp_ms=ms, received_ms=ms + 100, vehicle_id=vehicle_id, **changes)


def values(found: Course, name: str) -> Sequence[float | None]:
    (series,) = [each for panel in found.panels for each in panel.series if each.name == name]
    return series.values


async def test_the_records_of_one_vehicle_are_found_among_those_of_others(storage):
    await put_batch(storage, at(0), at(0, "vv"), at(1800, payload={"battery_soc": 80.0}), at(0, "w"))
    await put_batch(storage, at(3599, payload={"battery_soc": 70.0}), now=NOW + 1, suffix="jsonl.zst")
    found = await read(storage)
    assert (found.records, found.read, found.listed, found.left_out) == (3, 2, 2, 0)
    soc = values(found, "battery_soc")
    assert (soc[0], [each for each in soc if each is not None]) == (85.5, [85.5, 80, 70])
    assert found.times[0] == START // 1000
    assert len(found.times) == len(soc) == -(-3600 // found.step_s)


async def test_a_record_that_came_twice_counts_once_and_the_one_received_first_counts(storage):
    for number, later_ms in enumerate((300, 50, 100)):
        record = at(0, payload={"x": float(later_ms)})
        received = msgspec.structs.replace(record, received_ms=record.timestamp_ms + later_ms)
        await put_batch(storage, received, now=NOW + number)
    found = await read(storage)
    assert found.records == 1
    assert values(found, "x")[0] == 50


async def test_a_point_is_a_step_of_which_the_mean_or_the_end_is_shown(storage):
    for n, (low, high, soc) in enumerate(((1, 4, 10), (0.5, 4.5, 20))):
        payload = {"cell_voltage_min": low, "cell_voltage_max": high, "battery_soc": soc}
        await put_batch(storage, at(n, payload=payload), now=NOW + n)
    found = await read(storage)
    assert found.step_s == 5
    assert [values(found, f"cell_voltage_{end}")[0] for end in ("min", "max")] == [0.5, 4.5]
    assert values(found, "battery_soc")[0] == pytest.approx(15)
    assert set(values(found, "battery_soc")[1:]) == {None}


@pytest.mark.parametrize(("period_s", "step_s"), [(0.2, 5), (5, 6), (60, 63), (1800, 300)])
async def test_a_step_is_a_little_longer_than_the_time_between_two_records(period_s, step_s):
    records = [at(period_s * each) for each in range(int(3600 / period_s))]
    assert course.of(records, HOUR, 1, 1).step_s == step_s


async def test_known_signals_come_first_a_lowest_and_a_highest_one_together(storage):
    payload = {"zeta": 1.0, "cell_temp_max": 30.0, "alpha": 1.0, "cell_temp_min": 20.0, "battery_soc": 50.0}
    await put_batch(storage, at(0, payload=payload))
    found = await read(storage)
    assert [(panel.title, panel.unit, [each.name for each in panel.series]) for panel in found.panels] == [
        ("battery soc", "%", ["battery_soc"]),
        ("cell temp", "degC", ["cell_temp_min", "cell_temp_max"]),
        ("alpha", "", ["alpha"]),
        ("zeta", "", ["zeta"]),
    ]


async def test_of_many_signals_the_first_are_shown_and_the_others_counted(storage):
    await put_batch(storage, at(0, payload={f"s{n:02d}": 1.0 for n in range(MOST_PANELS + 3)}))
    found = await read(storage)
    assert (len(found.panels), found.left_out) == (MOST_PANELS, 3)


async def test_without_records_there_is_nothing_to_draw(storage):
    assert await read(storage) == Course(0, 0, 0, 5, [], [], 0)
    await put_batch(storage, at(0, "w"))
    assert await read(storage) == Course(0, 1, 1, 5, [], [], 0)


async def test_what_is_damaged_or_belongs_elsewhere_is_left_out(storage):
    await put_batch(storage, at(0))
    folder = (await storage.list("raw/"))[0].key.rpartition("/")[0]
    elsewhere = Record(START - 1, "v", "0x1", {"x": 1.0}, START)
    content = b'{"vehicle_id":"v"}\nnonsense "v" here\n"v"'
    await storage.put(f"{folder}/batch-1-a.jsonl", content)
    await storage.put(f"{folder}/batch-1-b.jsonl.zst", b"no zstd")
    await storage.put(f"{folder}/bucket=x/others.jsonl", content)
    other = await put_batch(storage, elsewhere)
    await storage.put(f"{folder}/batch-1-c.jsonl", await storage.get(other))
    quoted = b'{"timestamp":"2025-10-19T14:00:00.000Z","vehicle_id":"w","can_id":"0x1","payload":{"v":1},"ingest_received_at":"2025-10-19T14:00:00.000Z"}\n'
    await storage.put(f"{folder}/batch-1-d.jsonl", quoted)
    assert (await read(storage)).records == 1


async def test_only_the_bucket_of_the_vehicle_is_read(storage):
    policy = PartitionPolicy(buckets=8)
    for vehicle_id in ("v", *(f"veh-{n}" for n in range(20))):
        await put_batch(storage, at(0, vehicle_id), policy=policy)
    listed = len(await storage.list("raw/"))
    found = await read(storage, policy=policy)
    assert found.records == 1
    assert found.listed < listed / 2


def test_of_many_objects_those_are_read_that_lie_evenly_between_the_first_and_the_last():
    many = [ObjectInfo(f"k{n:05d}", 10, n) for n in range(3 * MOST_OBJECTS)]
    chosen = course.sample(many)
    assert len(chosen) == MOST_OBJECTS
    assert {b.stored_ms - a.stored_ms for a, b in pairwise(chosen)} == {3}
    large = [ObjectInfo(f"k{n}", MOST_BYTES // 2, n) for n in range(10)]
    assert [each.stored_ms for each in course.sample(large)] == [0, 5]
    assert course.sample(many[:7]) == many[:7]
    assert course.sample([]) == []


async def test_an_object_that_is_removed_meanwhile_is_left_out_and_a_store_that_is_away_says_so(storage):
    await put_batch(storage, at(0))
    await put_batch(storage, at(1), now=NOW + 1)
    key = (await storage.list("raw/"))[0].key

    class Removed(FailingStorage):
        async def get(self, key_: str) -> bytes:
            if key_ == key:
                raise ObjectNotFoundError(key_)
            return await super().get(key_)

    removed = Removed(ManualClock(NOW))
    for info in await storage.list("raw/"):
        await removed.put(info.key, await storage.get(info.key))
    assert (await read(removed)).records == 1
    storage.unreadable = {key}
    with pytest.raises(StoreUnavailableError):
        await read(storage)
