"""Options of the roles that drive a fleet: variants, profile, weather, health, a recorded trace."""

import argparse
import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
from msgspec import Meta

from telemetry.domain.errors import UsageError
from telemetry.domain.vehicle.battery import Scenario
from telemetry.domain.vehicle.battery.itinerary import PROFILES
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.battery.trace import Trace
from telemetry.domain.vehicle.battery.variants import VARIANTS
from telemetry.entrypoints.process.options import Parser

_TIME: Final = ("t_s", "time_s", "time")
_CURRENT: Final = ("pack_A", "current_a", "battery_current")
_SPEED: Final = ("speed_kmh", "speed")


class SceneError(UsageError):
    """A fleet that cannot be, or a file that holds no trace; the text names it."""


class SceneOptions(msgspec.Struct, frozen=True):
    """What a fleet is, and what it does."""

    profile: str = "drive"
    variant: Mapping[str, float] = msgspec.field(default_factory=lambda: {"i3-60ah": 1.0})
    ambient: Annotated[float, Meta(ge=-30, le=50)] | None = None  # degC
    soh: Annotated[float, Meta(ge=50, le=100)] = 100.0  # %
    trace: Path | None = None


def add_options(parser: Parser) -> None:
    """Add what `scenario` takes."""
    parser.add_argument(
        "--profile",
        choices=list(PROFILES),
        default=argparse.SUPPRESS,
        help="what they do all day (default: drive)",
    )
    parser.add_argument(
        "--variant",
        type=weights,
        default=argparse.SUPPRESS,
        metavar="NAME[=WEIGHT],...",
        help=f"which packs they have, of {', '.join(VARIANTS)} (default: i3-60ah)",
    )
    parser.add(
        SceneOptions,
        ambient="DEGC: the weather (default: each its own)",
        soh="PERCENT: state of health",
        trace="FILE.csv: drive this instead; a column t_s, and pack_A in A (negative when discharging) or speed_kmh",
    )


def scenario(options: SceneOptions) -> Scenario:
    """Make the scenario that was chosen. Raise SceneError if it cannot be."""
    trace = read_trace(options.trace) if options.trace else None
    try:
        return Scenario(options.variant, options.profile, options.ambient, options.soh / 100.0, trace)
    except ValueError as error:
        raise SceneError(str(error)) from None


def describe(options: SceneOptions) -> str:
    """Say what a fleet is: packs, profile or trace, ambient temperature."""
    packs = f"pack {' or '.join(options.variant)}, {options.soh:g} % state of health"
    does = f"trace {options.trace.name}" if options.trace else f"profile {options.profile}"
    ambient = "each its own" if options.ambient is None else f"{options.ambient:g} °C"
    return f"{packs}, {does}, ambient {ambient}"


def weights(text: str) -> Mapping[str, float]:
    """Read `i3-60ah=2,i3-120ah`: names with weights, which are 1 unless given."""
    named = [part.partition("=") for part in text.split(",")]
    for name, _, weight in named:
        if name.strip() not in VARIANTS:
            raise argparse.ArgumentTypeError(f"there is no variant {name}; there are {', '.join(VARIANTS)}")
        if not 0.0 < float(weight or 1.0) < math.inf:
            raise argparse.ArgumentTypeError(f"the weight of {name} is {weight}, expected more than 0")
    return {name.strip(): float(weight or 1.0) for name, _, weight in named}


def read_trace(file: Path) -> Trace:
    """Read a trace from a CSV file with a head. Raise SceneError naming the file if it holds none.

    A current is taken where there are both, because it is what the pack was asked for.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
        time = _column(rows, _TIME)
        if time is None:
            raise ValueError(f"none of the columns is called {' or '.join(_TIME)}")  # noqa: TRY301  # one way out
        current, speed = _column(rows, _CURRENT), _column(rows, _SPEED)
        if current is not None or speed is None:
            return Trace(time, current=current)
        return Trace(time, speed=speed / 3.6)
    except UnicodeDecodeError:
        raise SceneError(f"{file}: it is no text in UTF-8") from None
    except (ValueError, TypeError, csv.Error) as error:  # TypeError where a line has too few columns
        raise SceneError(f"{file}: {error}") from None


def _column(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> Floats | None:
    """Return the first of the columns that is there."""
    for name in names:
        if rows and name in rows[0]:
            return np.array([float(row[name]) for row in rows])
    return None
