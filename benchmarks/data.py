"""The records that the benchmarks measure with: those of a fleet that drives, the same for the same seed."""

from collections.abc import Sequence
from itertools import count
from typing import Final

from telemetry.domain.contract.record import Record
from telemetry.domain.vehicle.simulate import SAMPLING_S, Simulation

START: Final = 1_760_877_296_000  # 2025-10-19T12:34:56Z; all fits into one hour


def records(number: int, vehicles: int = 100, seed: int = 1) -> Sequence[Record]:
    """Make `number` records of `vehicles` vehicles that report every 200 ms, received 50 ms after they were made."""
    simulate = Simulation(vehicles, seed)
    made: list[Record] = []
    for step in count():
        timestamp = START + round(step * SAMPLING_S * 1000)
        for each in simulate.sample(timestamp):
            made.append(Record(timestamp, each.vehicle_id, each.can_id, each.payload, timestamp + 50))
            if len(made) == number:
                return made
    raise AssertionError
