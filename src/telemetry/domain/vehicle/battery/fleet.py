"""The fleet: packs and drivers of n vehicles, stepped together. A step gives one sample of seven signals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from telemetry.domain.vehicle.battery import bms
from telemetry.domain.vehicle.battery.drive import Days, Demand, Status
from telemetry.domain.vehicle.battery.itinerary import PROFILES
from telemetry.domain.vehicle.battery.limits import current_limits
from telemetry.domain.vehicle.battery.pack import Packs, PackState, cell_voltages, step
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.battery.scenario import Scenario
from telemetry.domain.vehicle.battery.trace import Repeat
from telemetry.domain.vehicle.battery.variance import draw_packs, draw_start
from telemetry.domain.vehicle.battery.variants import VARIANTS

# The limits of the current are computed at the start of a step, and hold for as long as they look ahead.
LONGEST_STEP_S: Final = 10.0

_BANK: Final = 1000  # vehicles that are stepped at once; more are no faster, and take memory
_CLOSED: Final = 2.0  # the state of contactors that connect the pack to the DC link
_KMH: Final = 3.6  # km/h in 1 m/s


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


@dataclass(slots=True, eq=False)
class Bank:
    """Vehicles of one variant that are stepped at once."""

    rows: npt.NDArray[np.intp]  # their rows in the fleet
    packs: Packs
    state: PackState

    def advance(self, current: Floats, dt_s: float) -> Sample:
        """Step the packs by `dt_s` seconds of `current`, (n,) in A, and measure them as their BMS does."""
        self.state = step(self.packs, self.state, current, dt_s)
        return self.measure(current)

    def measure(self, current: Floats) -> Sample:
        """Return the signals while `current`, (n,) in A, flows."""
        voltage = cell_voltages(self.packs, self.state, current)
        return Sample(
            battery_soc=self.state.mean_soc,
            battery_voltage=voltage.sum(axis=1),
            battery_current=current,
            cell_voltage_min=voltage.min(axis=1),
            cell_voltage_max=voltage.max(axis=1),
            cell_temp_min=self.state.temperature.min(axis=1),
            cell_temp_max=self.state.temperature.max(axis=1),
        )


class Fleet:
    """Vehicles that drive, stand and charge for as long as they are stepped; a seed fixes all samples."""

    def __init__(self, banks: Sequence[Bank], demand: Demand) -> None:
        """Make a fleet of banks that together hold every row once; `demand` asks them for current."""
        self.banks = banks
        self.demand = demand
        self._ambient = self._gather([bank.packs.ambient.mean(axis=1) for bank in banks])
        measured = [bank.measure(np.zeros(len(bank.rows))) for bank in banks]
        self._last = self._join(measured)

    @classmethod
    def new(cls, vehicles: int, seed: int, scenario: Scenario | None = None) -> Self:
        """Draw a fleet of `vehicles` >= 0. Raise ValueError if `vehicles` or `seed` is negative."""
        scenario = scenario or Scenario()
        # Each has its own stream, so that a change of the pack model does not change the drives.
        packs_rng, drive_rng, kinds_rng = np.random.default_rng(seed).spawn(3)
        banks = _draw_banks(scenario, vehicles, packs_rng, kinds_rng)
        if scenario.trace:
            return cls(banks, Repeat(scenario.trace))
        return cls(banks, Days(PROFILES[scenario.profile], vehicles, drive_rng))

    def advance(self, dt_s: float = 0.2) -> Sample:
        """Return the sample `dt_s` seconds later. Raise ValueError unless 0 < `dt_s` <= LONGEST_STEP_S."""
        if not 0.0 < dt_s <= LONGEST_STEP_S:
            raise ValueError(f"dt_s is {dt_s}, expected more than 0 and at most {LONGEST_STEP_S} s")
        status = Status(self._last.battery_soc, self._last.battery_voltage, self._ambient)
        asked = self.demand.ask(status, dt_s)
        samples = []
        for bank in self.banks:
            current = np.clip(asked[bank.rows], *current_limits(bank.packs, bank.state))
            samples.append(bank.advance(current, dt_s))
        self._last = self._join(samples)
        return Sample(*(getattr(self._last, each.name).copy() for each in fields(Sample)))

    def bus_signals(self) -> Mapping[str, Floats]:
        """Return what the buses carry besides the last sample, each (n,), by the names of `bmw_i3.dbc`."""
        banks = [bms.bus_signals(bank.packs, bank.state) for bank in self.banks]
        signals = {name: self._gather([each[name] for each in banks]) for name in banks[0]} if banks else {}
        signals["contactor_state"] = np.full_like(self._ambient, _CLOSED)
        signals["dc_link_voltage"] = self._last.battery_voltage.copy()
        if (speed := self.demand.speed) is not None:
            signals["vehicle_speed"] = np.full_like(self._ambient, speed * _KMH)
        return signals

    def _join(self, samples: Sequence[Sample]) -> Sample:
        """Join the samples of all banks into one, each vehicle in its row."""
        return Sample(
            *(self._gather([getattr(sample, each.name) for sample in samples]) for each in fields(Sample))
        )

    def _gather(self, parts: Sequence[Floats]) -> Floats:
        """Join one column of all banks into one array."""
        column = np.empty(sum(len(bank.rows) for bank in self.banks))
        for bank, part in zip(self.banks, parts, strict=True):
            column[bank.rows] = part
        return column


def _draw_banks(
    scenario: Scenario, vehicles: int, packs_rng: np.random.Generator, kinds_rng: np.random.Generator
) -> Sequence[Bank]:
    """Draw the variant of each vehicle, and the packs of each variant."""
    weights = np.array(list(scenario.variants.values()))
    kinds = kinds_rng.choice(len(weights), vehicles, p=weights / weights.sum())
    banks: list[Bank] = []
    for kind, name in enumerate(scenario.variants):
        rows = np.flatnonzero(kinds == kind)
        banks += [
            _draw_bank(scenario, name, rows[start : start + _BANK], packs_rng)
            for start in range(0, len(rows), _BANK)
        ]
    return banks


def _draw_bank(
    scenario: Scenario, variant: str, rows: npt.NDArray[np.intp], rng: np.random.Generator
) -> Bank:
    packs = draw_packs(VARIANTS[variant], len(rows), rng, health=scenario.health, ambient=scenario.ambient)
    return Bank(rows, packs, draw_start(packs, rng))
