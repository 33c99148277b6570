"""The records of the benchmarks: a fleet that drives sends them, and a seed fixes all of them."""

from collections.abc import Sequence
from itertools import count
from typing import Final

from telemetry.domain.contract.record import Record
from telemetry.domain.vehicle.simulate import SAMPLING_S, Simulation

START_MS: Final = 1_760_877_296_000  # 2025-10-19T12:34:56Z; all records fit into one hour


def records(number: int, vehicles: int = 100, seed: int = 1) -> Sequence[Record]:
    """Make `number` records of vehicles that report every 200 ms, each received 50 ms after it was made."""
    simulation = Simulation(vehicles, seed)
    made: list[Record] = []
    for step in count():
        timestamp_ms = START_MS + round(step * SAMPLING_S * 1000)
        for each in simulation.sample(timestamp_ms):
            made.append(Record(timestamp_ms, each.vehicle_id, each.can_id, each.payload, timestamp_ms + 50))
            if len(made) == number:
                return made
    raise AssertionError
