"""Use-case: drive a fleet of battery packs, and put what they measure into records."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from telemetry.domain.contract.record import Record
from telemetry.domain.vehicle.battery import Fleet, Scenario
from telemetry.domain.vehicle.battery.parameters import Floats

SAMPLING_S: Final = 0.2
"""Time between two reports of a vehicle: 200 ms, as for most messages of the BMW i3's battery."""

CAN_ID: Final = "0x1F0"
"""The CAN id of the seven battery signals, which are reported together."""

_DECIMALS: Final = {
    "battery_soc": 1,
    "battery_voltage": 1,
    "battery_current": 1,
    "cell_voltage_min": 3,
    "cell_voltage_max": 3,
    "cell_temp_min": 1,
    "cell_temp_max": 1,
}
"""The resolution of each signal on the wire, in decimal places of its unit."""


class Simulation:
    """A fleet whose vehicles are named `<prefix>-00001` and so on; the same seed gives the same payloads."""

    def __init__(
        self, vehicles: int, seed: int, prefix: str = "veh", scenario: Scenario | None = None
    ) -> None:
        self._fleet = Fleet.new(vehicles, seed, scenario)
        self.vehicle_ids = [f"{prefix}-{number:05d}" for number in range(1, vehicles + 1)]

    def sample(self, timestamp_ms: int) -> Sequence[Record]:
        """Advance by 200 ms of driving; return a record of each vehicle, measured at `timestamp_ms`."""
        columns = [column.tolist() for column in self.measure().values()]
        return [
            Record(timestamp_ms, vehicle_id, CAN_ID, dict(zip(_DECIMALS, values, strict=True)))
            for vehicle_id, *values in zip(self.vehicle_ids, *columns, strict=True)
        ]

    def measure(self) -> Mapping[str, Floats]:
        """Advance by 200 ms of driving; return what is then measured, each signal (vehicles,)."""
        sample = self._fleet.advance(SAMPLING_S)
        return {name: np.round(getattr(sample, name), decimals) for name, decimals in _DECIMALS.items()}

    def bus_signals(self) -> Mapping[str, Floats]:
        """Return what the cars' buses carry besides the last measurement, each signal (vehicles,)."""
        return self._fleet.bus_signals()
