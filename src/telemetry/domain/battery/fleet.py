"""The fleet: packs and drivers of n vehicles stepped together, one sample of the seven battery signals a step."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from telemetry.domain.battery import drive
from telemetry.domain.battery.drive import DriveState
from telemetry.domain.battery.pack import Packs, PackState, cell_voltages, current_limits, step
from telemetry.domain.battery.parameters import I3_60AH, Floats
from telemetry.domain.battery.variance import draw_packs, draw_start

# s: the limits of the current are taken at the start of a step, and hold to its end only while SoC hardly moves
LONGEST_STEP: Final = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The signals of n vehicles at one moment, each (n,) and unrounded; row i is always the same vehicle."""

    battery_soc: Floats  # %, mean of the cells
    battery_voltage: Floats  # V, sum of the cells
    battery_current: Floats  # A, negative when discharging
    cell_voltage_min: Floats  # V
    cell_voltage_max: Floats  # V
    cell_temp_min: Floats  # degC
    cell_temp_max: Floats  # degC


class Fleet:
    """Vehicles that drive, stand and charge as long as they are advanced; the same seed gives the same samples."""

    def __init__(self, packs: Packs, state: PackState, driving: DriveState, rng: np.random.Generator) -> None:
        """Take over packs and drives of equally many vehicles, and the generator of the drivers' whims."""
        self._packs = packs
        self._state = state
        self._driving = driving
        self._rng = rng

    @classmethod
    def new(cls, vehicles: int, seed: int) -> Self:
        """Draw a fleet of `vehicles` >= 0; raise ValueError if `vehicles` or `seed` is negative."""
        # two streams, so that another pack model leaves the drives as they are
        packs_rng, drive_rng = np.random.default_rng(seed).spawn(2)
        packs = draw_packs(I3_60AH, vehicles, packs_rng)
        return cls(packs, draw_start(packs, packs_rng), drive.start(vehicles, drive_rng), drive_rng)

    def advance(self, dt_s: float = 0.2) -> Sample:
        """Let `dt_s` seconds pass and return the sample at their end; raise ValueError unless 0 < `dt_s` <= 10."""
        if not 0.0 < dt_s <= LONGEST_STEP:
            raise ValueError(f"dt_s is {dt_s}, expected more than 0 and at most {LONGEST_STEP} s")
        soc = self._state.soc.mean(axis=1)
        limits = current_limits(self._packs.parameters, soc)
        self._driving = drive.advance(self._driving, soc, limits, dt_s, self._rng)
        self._state = step(self._packs, self._state, self._driving.current, dt_s)
        return _sample(self._packs, self._state, self._driving.current)


def _sample(packs: Packs, state: PackState, current: Floats) -> Sample:
    """Measure the packs as their BMS does."""
    voltage = cell_voltages(packs, state, current)
    return Sample(
        battery_soc=state.soc.mean(axis=1),
        battery_voltage=voltage.sum(axis=1),
        battery_current=current.copy(),  # the drive goes on from its own
        cell_voltage_min=voltage.min(axis=1),
        cell_voltage_max=voltage.max(axis=1),
        cell_temp_min=state.temperature.min(axis=1),
        cell_temp_max=state.temperature.max(axis=1),
    )
