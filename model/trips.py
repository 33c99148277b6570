"""Recorded trips, which are read from files like the TUM data's, and replayed by the model side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery.pack import Packs, PackState, cell_voltages, step
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.battery.variance import nominal, rest
from telemetry.domain.vehicle.battery.variants import I3_60AH

DEFAULT: Final = Path(__file__).parents[2] / "shared" / "data" / "tum_bmw_i3_60ah"
"""Where the trips are: beside the repository, and not part of it."""

SAMPLING_S: Final = 0.2

FAULTY: Final[Mapping[str, str]] = {
    "TripA06": "its SoC is off the integral of its current",
    "TripB02": "its SoC is off the integral of its current",
    "TripB28": "its signals are frozen from 1199 s",
    "TripB34": "its signals are frozen from 293 s",
}
"""Trips that the notes of the data call faulty; the fault of TripA10 is in a column that is not read."""

_COLUMNS: Final = ("t_s", "speed_kmh", "pack_V", "pack_A", "soc_pct", "bat_temp_C", "ambient_C")


@dataclass(frozen=True, slots=True, eq=False)
class Trip:
    """The signals of one file, each (moments,), every 200 ms."""

    name: str
    speed: Floats  # km/h
    voltage: Floats  # V
    current: Floats  # A, negative when discharging
    soc: Floats  # %, NaN where it was not logged
    temperature: Floats  # degC
    ambient: Floats  # degC


def load(folder: Path) -> Sequence[Trip]:
    """Read all trips of a folder except faulty ones. Raise ValueError if one is not sampled every 200 ms."""
    files = sorted([*folder.glob("Trip*.csv.gz"), *folder.glob("Trip*.csv")])
    return [read(file) for file in files if name_of(file) not in FAULTY]


def name_of(file: Path) -> str:
    return file.name.split(".")[0]


def read(file: Path) -> Trip:
    """Read one trip. Raise ValueError if it is not sampled every 200 ms."""
    table = np.genfromtxt(file, delimiter=",", names=True)
    time_s, *columns = (np.asarray(table[name], dtype=np.float64) for name in _COLUMNS)
    if np.abs(np.diff(time_s) - SAMPLING_S).max() > SAMPLING_S / 2:
        raise ValueError(f"{file}: not sampled every {SAMPLING_S:g} s")
    return Trip(name_of(file), *columns)


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """The model's signals in trips, each (moments, trips)."""

    voltage: Floats  # V
    temperature: Floats  # degC, mean of the modules


def replay(trips: Sequence[Trip], *, own_temperature: bool = False) -> Replay:
    """Step a nominal pack at rest by each trip's current, from its first SoC, at its temperature.

    With `own_temperature` only the first temperature is the trip's. The model computes the others from the
    weather.
    """
    currents, measured = _side_by_side(trip.current for trip in trips), _warmth(trips)
    packs, state = _start(trips)
    voltages, temperatures = np.empty_like(currents), np.empty_like(currents)
    for moment, current in enumerate(currents):
        if moment:
            state = step(packs, state, current, SAMPLING_S)
        if not own_temperature:
            warm = np.repeat(measured[moment][:, np.newaxis], packs.ambient.shape[1], axis=1)
            state = replace(state, temperature=warm)
        voltages[moment] = cell_voltages(packs, state, current).sum(axis=1)
        temperatures[moment] = state.temperature.mean(axis=1)
    return Replay(voltages, temperatures)


def errors(trips: Sequence[Trip], voltage: Floats) -> Mapping[str, Floats]:
    """Return modelled minus measured voltage, in V, by trip, at the moments with a measurement."""
    return {
        trip.name: (modelled := voltage[: len(trip.voltage), each] - trip.voltage)[np.isfinite(modelled)]
        for each, trip in enumerate(trips)
    }


def _start(trips: Sequence[Trip]) -> tuple[Packs, PackState]:
    packs = nominal(I3_60AH, len(trips), 0.0)
    around = np.array([np.nanmean(trip.ambient) for trip in trips])
    packs = replace(packs, ambient=packs.ambient + around[:, np.newaxis])
    first = np.array([trip.soc[np.isfinite(trip.soc)][0] for trip in trips])
    state = rest(packs, first[:, np.newaxis])
    warm = np.array([trip.temperature[0] for trip in trips])
    return packs, replace(state, temperature=np.repeat(warm[:, np.newaxis], packs.ambient.shape[1], axis=1))


def _warmth(trips: Sequence[Trip]) -> Floats:
    """Return the temperatures of trips side by side, with the last of each repeated to the end."""
    longest = max(len(trip.temperature) for trip in trips)
    padded = [np.pad(trip.temperature, (0, longest - len(trip.temperature)), mode="edge") for trip in trips]
    return np.stack(padded, axis=1)


def _side_by_side(columns: Iterable[Floats]) -> Floats:
    """Return columns of several lengths side by side, (moments, trips), with 0 after the end of each."""
    columns = [np.nan_to_num(column) for column in columns]
    longest = max(map(len, columns))
    return np.stack([np.pad(column, (0, longest - len(column))) for column in columns], axis=1)
