"""The fleet as the figures have it."""

from collections.abc import Mapping

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.store import objects
from telemetry.domain.watch import fleet
from telemetry.domain.watch.fleet import SILENT_MS, Fleet, Pack
from tests.builders import HOUR, NOW, a_record, put_batch
from tests.fakes import FailingQueue, FailingStorage
from tests.unit.figures.watching import SteppedAggregator

PARKED = {"battery_current": 0.2}
DRIVING = {"battery_current": -20.0}


@pytest.fixture
def stepped() -> SteppedAggregator:
    clock = ManualClock(NOW)
    return SteppedAggregator(FailingStorage(clock), clock, FailingQueue(clock))


async def drive(
    stepped: SteppedAggregator, last_ms: int, vehicle_id: str, payload: Mapping[str, float]
) -> None:
    record = a_record(timestamp_ms=last_ms, received_ms=last_ms, vehicle_id=vehicle_id, payload=dict(payload))
    await put_batch(stepped.storage, record, now=last_ms)


async def summed(stepped: SteppedAggregator, *hours: int) -> Fleet:
    await stepped.turns()
    return fleet.of([await stepped.storage.get(objects.aggregated_key(Hour(each))) for each in hours])


def test_without_figures_nobody_is_known():
    assert fleet.of([]) == Fleet()
    assert fleet.of([b'{"vehicles":{}}']) == Fleet()


def test_what_is_no_figures_is_an_error():
    with pytest.raises(msgspec.DecodeError):
        fleet.of([b"{"])


async def test_a_vehicle_is_silent_that_is_behind_the_newest_record_of_all(stepped):
    await drive(stepped, NOW, "newest", DRIVING)
    await drive(stepped, NOW - SILENT_MS, "just-seen", DRIVING)
    await drive(stepped, NOW - SILENT_MS - 1, "gone", DRIVING)
    await drive(stepped, NOW - SILENT_MS - 1, "parked", PARKED)
    stepped.clock.advance(2 * HOUR_MS / 1000)  # who is asleep is measured once an hour is over
    found = await summed(stepped, HOUR)
    assert (found.known, found.seen, found.silent, found.asleep) == (4, 2, 2, 1)
    assert found.as_of == "2025-10-19T14:30:00.000Z"
    assert [(each.vehicle_id, each.last) for each in found.longest_silent] == [
        ("gone", "2025-10-19T14:24:59.999Z")
    ]


async def test_who_is_absent_is_remembered_for_a_day_and_the_newest_figures_of_a_vehicle_count(stepped):
    await drive(stepped, NOW - 2 * HOUR_MS, "absent", DRIVING)
    await drive(stepped, NOW - HOUR_MS, "moved", DRIVING | {"battery_soc": 15})
    await drive(stepped, NOW, "moved", DRIVING | {"battery_soc": 85})
    await drive(stepped, NOW - HOUR_MS, "before", PARKED)
    found = await summed(stepped, HOUR - 1, HOUR)
    assert (found.known, found.seen, found.silent, found.asleep) == (3, 1, 2, 1)
    assert [each.vehicle_id for each in found.longest_silent] == ["absent"]
    assert found.soc == [0] * 8 + [1, 0]


async def test_vehicles_are_counted_by_their_state_of_charge(stepped):
    for number, soc in enumerate((0, 9.9, 10, 55, 99.9, 100)):
        await drive(stepped, NOW, f"v{number}", {"battery_soc": soc})
    await drive(stepped, NOW, "none", DRIVING)
    found = await summed(stepped, HOUR)
    assert found.soc == [2, 1, 0, 0, 0, 1, 0, 0, 0, 2]
    assert sum(found.soc) == found.known - 1


async def test_packs_that_stand_out_are_named(stepped):
    for number in range(10):
        ms = NOW - HOUR_MS if number == 3 else NOW
        payload = {"cell_voltage_min": 3.5 - number / 100, "cell_temp_max": 20.0 + number % 5}
        await drive(stepped, ms, f"v{number}", payload)
    found = await summed(stepped, HOUR - 1, HOUR)
    assert [each.vehicle_id for each in found.weakest] == ["v9", "v8", "v7", "v6", "v5", "v4"]
    assert [each.vehicle_id for each in found.hottest] == ["v9", "v4", "v8", "v3", "v7", "v2"]
    assert found.weakest[0] == Pack("v9", 3.41, "2025-10-19T14")
    assert found.hottest[3] == Pack("v3", 23, "2025-10-19T13")


def test_a_vehicle_without_streams_is_not_taken_for_a_parked_one():
    figures = b'{"vehicles":{"v":{"last":"2025-10-19T14:00:00.000Z","signals":{}},"w":{"last":"2025-10-19T14:30:00.000Z","signals":{}}}}'
    found = fleet.of([figures])
    assert (found.silent, found.asleep) == (1, 0)
