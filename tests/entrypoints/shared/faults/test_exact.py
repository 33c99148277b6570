"""Figures that differ from those of a naive model in one bit are found, and right ones are not."""

from typing import Any

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.figures import hour as hours
from telemetry.domain.store import objects
from telemetry.entrypoints.shared.faults import exact
from tests.builders import HOUR, NOW, a_record, put_batch, some_records
from tests.unit.figures.test_aggregate import build

KEY = objects.aggregated_key(HOUR)


@pytest.fixture
async def storage() -> MemoryStorage:
    """A store with an hour in two objects that share a record, once with another payload, and its figures."""
    made = MemoryStorage(ManualClock(NOW))
    records = [each for n in range(9) for each in some_records(1, NOW + 200 * n, payload={"x": 0.1 + n / 3})]
    await put_batch(made, *records)
    await put_batch(
        made,
        records[0],
        a_record(timestamp_ms=NOW, received_ms=NOW + 9_000, payload={"x": -1.0}),
        now=NOW + 1,
    )
    await build(made)
    return made


async def differences(storage: MemoryStorage) -> list[str]:
    return list(await exact.differences(storage, [HOUR]))


async def store(storage: MemoryStorage, **changes: Any) -> None:
    """Change something in the figures that are stored."""
    figures = hours.decode(await storage.get(KEY))
    await storage.put(KEY, hours.encode(msgspec.structs.replace(figures, **changes)), overwrite=True)


async def put_skewed(storage: MemoryStorage, *timestamps_ms: int) -> None:
    """Store records of the future that were received in the hour."""
    records = [a_record(timestamp_ms=each, received_ms=NOW) for each in timestamps_ms]
    await put_batch(storage, *records)


async def test_figures_of_the_aggregator_are_exact(storage: MemoryStorage):
    assert await differences(storage) == []


async def test_a_mean_that_differs_in_its_last_bit_is_named(storage: MemoryStorage):
    figures = hours.decode(await storage.get(KEY))
    ((vehicle_id, of_vehicle),) = figures.vehicles.items()
    x = of_vehicle.signals["x"]
    wrong = msgspec.structs.replace(x, avg=x.avg * (1 + 2**-52))
    vehicles = {vehicle_id: msgspec.structs.replace(of_vehicle, signals={"x": wrong})}
    await storage.put(KEY, hours.encode(msgspec.structs.replace(figures, vehicles=vehicles)), overwrite=True)
    assert await differences(storage) == [
        f"2025-10-19T14: the figures of {vehicle_id} are not those of its records"
    ]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("records", 11),
        ("unique", 9),
        ("duplicates", 2),
        ("conflicting", 1),
        ("refused", 0),
        ("damaged", 0),
        ("skewed", 0),
    ],
)
async def test_a_count_of_an_hour_that_is_wrong_is_named(storage: MemoryStorage, name: str, right: int):
    await store(storage, **{name: right + 1})
    assert await differences(storage) == [f"2025-10-19T14: {name} is {right + 1}, and not {right}"]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("count", 8), ("first", "2025-10-19T14:30:00.001Z"), ("last", "2025-10-19T14:30:01.599Z")],
)
async def test_what_is_wrong_about_a_vehicle_is_named(storage: MemoryStorage, name: str, wrong: object):
    figures = hours.decode(await storage.get(KEY))
    ((vehicle_id, of_vehicle),) = figures.vehicles.items()
    await store(storage, vehicles={vehicle_id: msgspec.structs.replace(of_vehicle, **{name: wrong})})
    assert await differences(storage) == [
        f"2025-10-19T14: the figures of {vehicle_id} are not those of its records"
    ]


async def test_skewed_records_count_but_those_of_which_a_copy_was_believed(storage: MemoryStorage):
    later_ms = NOW + 3 * HOUR_MS
    await put_skewed(storage, later_ms, later_ms + 1)
    await build(storage)
    assert await differences(storage) == []
    await store(storage, skewed=1)
    assert await differences(storage) == ["2025-10-19T14: skewed is 1, and not 2"]
    await put_batch(storage, a_record(timestamp_ms=later_ms, received_ms=later_ms))
    await build(storage, HOUR + 3)
    assert await differences(storage) == []


async def test_an_hour_that_only_skewed_records_were_received_in_needs_figures_too(storage: MemoryStorage):
    await put_batch(storage, a_record(timestamp_ms=NOW, received_ms=NOW - 2 * HOUR_MS))
    (found,) = await differences(storage)
    assert found.startswith("2025-10-19T12: ")


async def test_records_that_came_after_the_figures_are_missed(storage: MemoryStorage):
    await put_batch(storage, a_record(vehicle_id="late"))
    found = await differences(storage)
    assert len(found) == 3
    assert found[2].endswith("the figures of late are not those of its records")


async def test_an_hour_without_figures_is_named_if_it_has_records(storage: MemoryStorage):
    await storage.delete(KEY)
    assert [each.startswith("2025-10-19T14") for each in await differences(storage)] == [True]
    empty = MemoryStorage(ManualClock(NOW))
    assert list(await exact.differences(empty, [HOUR])) == []
