"""The current that a fleet's drivers and chargers ask of its packs, step by step."""

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from telemetry.domain.vehicle.battery import auxiliary, charging, driver, dynamics, itinerary, road
from telemetry.domain.vehicle.battery.itinerary import Activity, Itineraries, Profile
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.battery.vehicle import I3, battery_power

_RAMP: Final = 2.0  # s, in which a charger comes up [chosen]
_STILL: Final = 0.1  # m/s below which a car stands


@dataclass(frozen=True, slots=True, eq=False)
class Status:
    """What n packs show to those who use them, each (n,)."""

    soc: Floats  # %, mean of the cells
    voltage: Floats  # V, as it was last
    ambient: Floats  # degC


class Demand(Protocol):
    """Who asks for current."""

    @property
    def speed(self) -> Floats | float | None:
        """Tell how fast each drives, (n,) in m/s, or all do, if that is known."""
        ...

    def ask(self, status: Status, dt_s: float) -> Floats:
        """Return the mean current of the next `dt_s` seconds, (n,) in A, negative when discharging."""
        ...


class Days:
    """Vehicles that live by a profile; the same generator gives the same days."""

    def __init__(self, profile: Profile, vehicles: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._itineraries: Itineraries = itinerary.start(profile, vehicles, rng)
        self._roads = road.start(vehicles, rng)
        self._drivers = driver.start(vehicles, rng)
        self._auxiliaries = auxiliary.start(vehicles, rng)
        self._charger = np.zeros(vehicles)  # A

    @property
    def speed(self) -> Floats:
        """Tell how fast each drives, (n,) in m/s."""
        return self._drivers.speed

    @property
    def activity(self) -> itinerary.Activities:
        """Tell what each does, (n,)."""
        return self._itineraries.activity

    def ask(self, status: Status, dt_s: float) -> Floats:
        """Drive, park or charge; drivers are stepped by what they react within."""
        parts = math.ceil(dt_s / driver.LONGEST)
        asked = sum((self._ask(status, dt_s / parts) for _ in range(parts)), np.zeros(len(status.soc)))
        return asked / parts

    def _ask(self, status: Status, dt_s: float) -> Floats:
        standing = self.speed < _STILL
        self._itineraries = itinerary.advance(self._itineraries, status.soc, standing, dt_s, self._rng)
        driving = self.activity == Activity.DRIVE
        # who has to be elsewhere, or would have to charge, stops at the next opportunity
        leaving = driving & ((self._itineraries.remaining > 0.0) & (status.soc >= itinerary.LOW))
        self._roads = road.advance(self._roads, self.speed, dt_s, self._rng)
        allowed = np.where(leaving, self._roads.speed, 0.0)
        self._drivers = driver.advance(self._drivers, allowed, dt_s, self._rng)
        self._auxiliaries = auxiliary.advance(self._auxiliaries, dt_s, self._rng)
        return np.where(driving, self._drive(status, dt_s), self._charge(status, dt_s))

    def _drive(self, status: Status, dt_s: float) -> Floats:
        drawn = battery_power(I3, self.speed, self._drivers.acceleration, self._roads.grade)
        drawn += auxiliary.power(
            self._auxiliaries, status.ambient, self._itineraries.running, dt_s, self._rng
        )
        return -drawn / status.voltage

    def _charge(self, status: Status, dt_s: float) -> Floats:
        wanted = np.zeros(len(status.soc))
        for activity, current in (
            (Activity.CHARGE_AC, charging.ac_current(status.voltage)),
            (Activity.CHARGE_DC, charging.dc_current(status.soc)),
        ):
            wanted = np.where(self.activity == activity, current, wanted)
        ramped = dynamics.follow(self._charger, wanted, _RAMP, dt_s)
        self._charger = np.where(wanted > 0.0, ramped, 0.0)
        return self._charger
