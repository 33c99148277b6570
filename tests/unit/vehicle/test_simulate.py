"""What a simulated fleet reports."""

import pytest

from telemetry.domain.contract import codec, parse
from telemetry.domain.contract.record import Record
from telemetry.domain.contract.signals import KNOWN
from telemetry.domain.vehicle.simulate import CAN_ID, Simulation
from tests.builders import NOW, a_message, identity


def driven(vehicles: int, seed: int, turns: int = 50) -> list[Record]:
    simulation = Simulation(vehicles, seed)
    return [record for turn in range(turns) for record in simulation.sample(NOW + 200 * turn)]


def test_every_vehicle_reports_once_a_turn_under_its_name():
    records = Simulation(3, seed=1).sample(NOW)
    assert [record.vehicle_id for record in records] == ["veh-00001", "veh-00002", "veh-00003"]
    assert {(record.timestamp_ms, record.can_id) for record in records} == {(NOW, CAN_ID)}


def test_a_fleet_has_a_name_of_its_own():
    assert [record.vehicle_id for record in Simulation(1, seed=1, prefix="run-7").sample(NOW)] == [
        "run-7-00001"
    ]


def test_records_hold_exactly_the_seven_signals_of_the_data_contract():
    seven = a_message()["payload"].keys()
    assert len(seven) == 7
    assert seven <= KNOWN.keys()
    assert all(record.payload.keys() == seven for record in driven(3, seed=1))


def test_a_receiver_takes_every_record_as_it_is():
    records = driven(5, seed=2)
    parsed = parse.parse_lines(codec.encode_request(records), 0)
    assert parsed.rejected == []
    assert parsed.records == records


def test_values_have_the_resolution_of_the_wire():
    for record in driven(5, seed=3):
        for name, value in record.payload.items():
            assert value == round(value, 3 if name.startswith("cell_voltage") else 1)


def test_the_same_seed_gives_the_same_payloads_and_another_seed_others():
    assert driven(2, seed=4) == driven(2, seed=4)
    assert driven(2, seed=4) != driven(2, seed=5)


def test_signals_move_from_turn_to_turn():
    payloads = [record.payload for record in driven(1, seed=6, turns=300)]
    assert len({payload["battery_current"] for payload in payloads}) > 3


def test_a_fleet_without_vehicles_reports_nothing():
    assert list(Simulation(0, seed=1).sample(NOW)) == []


@pytest.mark.parametrize("vehicles", [1, 1000])
def test_one_turn_is_one_identity_a_vehicle(vehicles):
    records = Simulation(vehicles, seed=7).sample(NOW)
    assert len({identity(record) for record in records}) == vehicles
