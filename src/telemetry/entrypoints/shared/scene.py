"""What the roles that drive a fleet are told about it: variants, profile, weather, health, a recorded trace."""

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery import Scenario
from telemetry.domain.vehicle.battery.itinerary import PROFILES
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.battery.trace import Trace
from telemetry.domain.vehicle.battery.variants import VARIANTS
from telemetry.entrypoints.process.settings import SettingsError

_TIME: Final = ("t_s", "time_s", "time")
_CURRENT: Final = ("pack_A", "current_a", "battery_current")
_SPEED: Final = ("speed_kmh", "speed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `scenario` reads."""
    parser.add_argument(
        "--profile", choices=list(PROFILES), default="drive", help="what they do all day (default: drive)"
    )
    parser.add_argument(
        "--variant",
        type=weights,
        default={"i3-60ah": 1.0},
        metavar="NAME[=WEIGHT],...",
        help=f"which packs they have, of {', '.join(VARIANTS)} (default: i3-60ah)",
    )
    parser.add_argument("--ambient", type=float, metavar="DEGC", help="the weather (default: each its own)")
    parser.add_argument(
        "--soh", type=float, default=100.0, metavar="PERCENT", help="state of health (default: 100)"
    )
    parser.add_argument(
        "--trace",
        type=Path,
        metavar="FILE.csv",
        help="drive this instead: a column t_s, and pack_A in A (negative when discharging) or speed_kmh",
    )


def scenario(chosen: argparse.Namespace) -> Scenario:
    """Make the scenario that was chosen; raise SettingsError if it cannot be."""
    trace = read_trace(chosen.trace) if chosen.trace else None
    try:
        return Scenario(chosen.variant, chosen.profile, chosen.ambient, chosen.soh / 100.0, trace)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def weights(text: str) -> Mapping[str, float]:
    """Read `i3-60ah=2,i3-120ah`: names with weights, which are 1 unless said."""
    named = (part.partition("=") for part in text.split(","))
    return {name.strip(): float(weight or 1.0) for name, _, weight in named}


def read_trace(file: Path) -> Trace:
    """Read a trace from a CSV file with a head; raise SettingsError naming the file if there is none in it.

    A current is taken where there are both, as it is what the pack was asked for.
    """
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    try:
        time = _column(rows, _TIME)
        if time is None:
            raise ValueError(f"none of the columns is called {' or '.join(_TIME)}")  # noqa: TRY301  # one way out
        current, speed = _column(rows, _CURRENT), _column(rows, _SPEED)
        if current is not None or speed is None:
            return Trace(time, current=current)
        return Trace(time, speed=speed / 3.6)
    except ValueError as error:
        raise SettingsError(f"{file}: {error}") from None


def _column(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> Floats | None:
    """Return the first of the columns that is there."""
    for name in names:
        if rows and name in rows[0]:
            return np.array([float(row[name]) for row in rows])
    return None
