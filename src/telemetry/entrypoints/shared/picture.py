"""A picture of a simulated fleet: the first vehicles' SoC, voltages, current and temperatures over time."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from telemetry.domain.contract.record import Record
from telemetry.domain.vehicle.simulate import SAMPLING_S, Simulation
from telemetry.entrypoints.process import extras, screen
from telemetry.entrypoints.process.options import new_file

_KINDS: Final = (".png", ".svg", ".pdf", ".jpg")
_PANELS: Final[Mapping[str, Sequence[str]]] = {
    "SoC in %": ("battery_soc",),
    "pack in V": ("battery_voltage",),
    "current in A": ("battery_current",),
    "cells in V": ("cell_voltage_min", "cell_voltage_max"),
    "cells in °C": ("cell_temp_min", "cell_temp_max"),
}


def file(text: str) -> Path:
    """Read the name of a file that a picture is to be written to."""
    path = new_file(text)
    if path.suffix.lower() not in _KINDS:
        raise argparse.ArgumentTypeError(f"{text!r}: its ending is none of {', '.join(_KINDS)}")
    return path


def draw(file: Path, simulation: Simulation, duration_s: float, about: str = "") -> None:
    """Drive a fleet for `duration_s` and draw its first vehicle, below a title that ends in `about`.

    Raise MissingExtraError without the extra, OSError if the picture cannot be written.
    """
    with extras.needed("plot"):
        from telemetry.adapters.plot import panels as drawn_by  # noqa: PLC0415  # which is there only with it
    records = _first_vehicle(simulation, max(2, round(duration_s / SAMPLING_S)))
    time = [record.timestamp_ms / 1000 for record in records]
    panels = {
        label: {name: [record.payload[name] for record in records] for name in names}
        for label, names in _PANELS.items()
    }
    title = f"{records[0].vehicle_id}, {duration_s:g} s"
    drawn_by(file, time, panels, f"{title}\n{about}" if about else title)
    screen.explain(f"drew {records[0].vehicle_id} over {duration_s:g} s in {file}")


def _first_vehicle(simulation: Simulation, steps: int) -> Sequence[Record]:
    with screen.progress() as progress:
        bar = progress.add_task("driving", total=steps, note="")
        records = []
        for step in range(steps):
            records.append(simulation.sample(round(step * SAMPLING_S * 1000))[0])
            progress.update(bar, advance=1)
    return records
