"""Drives of a fleet as arrays, which are recorded once for all checks."""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np

from model.trips import SAMPLING_S
from telemetry.domain.vehicle.battery import Fleet, Scenario
from telemetry.domain.vehicle.battery.drive import Days
from telemetry.domain.vehicle.battery.fleet import Sample
from telemetry.domain.vehicle.battery.itinerary import Activity
from telemetry.domain.vehicle.battery.pack import resting_voltage
from telemetry.domain.vehicle.battery.parameters import Floats

PER_SECOND: Final = round(1 / SAMPLING_S)
_REST_S: Final = 1200


@dataclass(frozen=True, slots=True, eq=False)
class Drives:
    """Signals of n vehicles, each (moments, n) every 200 ms unless stated otherwise."""

    soc: Floats  # %
    voltage: Floats  # V
    current: Floats  # A
    cell_min: Floats  # V
    cell_max: Floats  # V
    coldest: Floats  # degC
    warmest: Floats  # degC
    speed: Floats  # m/s
    ocv: Floats  # V, of the pack
    driving: Floats  # 1 while on a trip, 0 while charging
    capacity: Floats  # (n,), Ah of each pack's mean cell by charge
    rest_error: Floats  # (n,), V per cell between the voltage and the OCV after a rest

    def trips(self) -> Self:
        """Return the drives of vehicles that never charged, which are comparable with the real trips."""
        chosen = self.driving.all(axis=0)
        return type(self)(*(getattr(self, each.name)[..., chosen] for each in fields(self)))


def record(vehicles: int, duration_s: int, seed: int = 1) -> Drives:
    """Record vehicles that drive for `duration_s`, and then rest for 20 minutes."""
    fleet = Fleet.new(vehicles, seed, Scenario(profile="drive"))
    assert isinstance(fleet.demand, Days)  # noqa: S101  # the demand of a profile
    moments = duration_s * PER_SECOND
    recorded = np.empty((10, moments, vehicles), dtype=np.float32)
    for moment in range(moments):
        sample = fleet.advance(SAMPLING_S)
        on_trip = fleet.demand.activity == Activity.DRIVE
        recorded[:, moment] = [*_columns(sample), fleet.demand.speed, _ocv(fleet, vehicles), on_trip]
    capacity = np.empty(vehicles)
    for bank in fleet.banks:
        capacity[bank.rows] = 100.0 / bank.packs.percent_per_ah.mean(axis=1)
    soc, voltage, current, cell_min, cell_max, coldest, warmest, speed, ocv, driving = recorded.astype(
        np.float64
    )
    return Drives(
        soc,
        voltage,
        current,
        cell_min,
        cell_max,
        coldest,
        warmest,
        speed,
        ocv,
        driving,
        capacity,
        _rest_error(fleet, vehicles),
    )


def _columns(sample: Sample) -> tuple[Floats, ...]:
    return (
        sample.battery_soc,
        sample.battery_voltage,
        sample.battery_current,
        sample.cell_voltage_min,
        sample.cell_voltage_max,
        sample.cell_temp_min,
        sample.cell_temp_max,
    )


def _ocv(fleet: Fleet, vehicles: int) -> Floats:
    """Return the OCV of each pack, (n,) in V."""
    column = np.empty(vehicles)
    for bank in fleet.banks:
        column[bank.rows] = resting_voltage(bank.packs, bank.state)
    return column


def _rest_error(fleet: Fleet, vehicles: int) -> Floats:
    """Return how far the mean voltage of each pack's cells is from their OCV after a rest, (n,) in V."""
    column = np.empty(vehicles)
    for bank in fleet.banks:
        nothing = np.zeros(len(bank.rows))
        for _ in range(_REST_S):
            sample = bank.advance(nothing, 1.0)
        column[bank.rows] = (
            np.abs(sample.battery_voltage - resting_voltage(bank.packs, bank.state))
            / bank.packs.capacity.shape[1]
        )
    return column
