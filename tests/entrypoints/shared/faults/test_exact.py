"""Figures that differ from those of a naive model in one bit are found, and right ones are not."""

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract.moment import Hour
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


async def test_records_that_came_after_the_figures_are_missed(storage: MemoryStorage):
    await put_batch(storage, a_record(vehicle_id="late"))
    found = await differences(storage)
    assert len(found) == 2
    assert found[1].endswith("the figures of late are not those of its records")


async def test_an_hour_without_figures_is_named_if_it_has_records(storage: MemoryStorage):
    await storage.delete(KEY)
    assert [each.startswith("2025-10-19T14") for each in await differences(storage)] == [True]
    assert list(await exact.differences(storage, [Hour(HOUR + 1)])) == []
