"""The current that a fleet's drivers and chargers ask of its packs, step by step."""

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from telemetry.domain.vehicle.battery import auxiliary, charging, driver, dynamics, itinerary, road
from telemetry.domain.vehicle.battery.itinerary import Activity, Itineraries, Profile
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.battery.vehicle import I3, battery_power

_RAMP_S: Final = 2.0  # time constant with which a charger comes up [chosen]
_STILL: Final = 0.1  # m/s below which a car stands


@dataclass(frozen=True, slots=True, eq=False)
class Status:
    """What drivers and chargers know of n packs, each (n,)."""

    soc: Floats  # %, mean of the cells
    voltage: Floats  # V, at the end of the last step
    ambient: Floats  # degC


class Demand(Protocol):
    """A source of the current that is asked of a fleet's packs."""

    @property
    def speed(self) -> Floats | float | None:
        """The speed of each vehicle, (n,) in m/s, or one of all; None if it is not known."""
        ...

    def ask(self, status: Status, dt_s: float) -> Floats:
        """Return the mean current of the next `dt_s` seconds, (n,) in A, negative when discharging."""
        ...


class Days:
    """Vehicles that follow a profile; the same generator gives the same days."""

    def __init__(self, profile: Profile, vehicles: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._itineraries: Itineraries = itinerary.start(profile, vehicles, rng)
        self._roads = road.start(vehicles, rng)
        self._drivers = driver.start(vehicles, rng)
        self._auxiliaries = auxiliary.start(vehicles, rng)
        self._charger = np.zeros(vehicles)  # A

    @property
    def speed(self) -> Floats:
        """The speed of each vehicle, (n,) in m/s."""
        return self._drivers.speed

    @property
    def activity(self) -> itinerary.Activities:
        """The activity of each vehicle, (n,)."""
        return self._itineraries.activity

    def ask(self, status: Status, dt_s: float) -> Floats:
        """Drive, park or charge; return the mean current, (n,) in A.

        A long step is taken in parts as short as drivers need.
        """
        parts = math.ceil(dt_s / driver.LONGEST_STEP_S)
        asked = sum((self._ask(status, dt_s / parts) for _ in range(parts)), np.zeros(len(status.soc)))
        return asked / parts

    def _ask(self, status: Status, dt_s: float) -> Floats:
        standing = self.speed < _STILL
        self._itineraries = itinerary.advance(self._itineraries, status.soc, standing, dt_s, self._rng)
        driving = self.activity == Activity.DRIVE
        # A driver whose trip is over, or who has to charge, brakes to a stop.
        goes_on = driving & ((self._itineraries.remaining_s > 0.0) & (status.soc >= itinerary.LOW))
        self._roads = road.advance(self._roads, self.speed, dt_s, self._rng)
        allowed = np.where(goes_on, self._roads.speed, 0.0)
        self._drivers = driver.advance(self._drivers, allowed, dt_s, self._rng)
        self._auxiliaries = auxiliary.advance(self._auxiliaries, dt_s, self._rng)
        return np.where(driving, self._drive(status, dt_s), self._charge(status, dt_s))

    def _drive(self, status: Status, dt_s: float) -> Floats:
        drawn = battery_power(I3, self.speed, self._drivers.acceleration, self._roads.grade)
        drawn += auxiliary.power(
            self._auxiliaries, status.ambient, self._itineraries.running_s, dt_s, self._rng
        )
        return -drawn / status.voltage

    def _charge(self, status: Status, dt_s: float) -> Floats:
        wanted = np.zeros(len(status.soc))
        for activity, current in (
            (Activity.CHARGE_AC, charging.ac_current(status.voltage)),
            (Activity.CHARGE_DC, charging.dc_current(status.soc)),
        ):
            wanted = np.where(self.activity == activity, current, wanted)
        ramped = dynamics.follow(self._charger, wanted, _RAMP_S, dt_s)
        self._charger = np.where(wanted > 0.0, ramped, 0.0)
        return self._charger
