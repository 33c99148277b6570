"""The pictures of `docs/battery-model.md`: measured and modelled voltage of a summer and a winter trip.

Run by `make figures [TRIPS=folder]`; it needs the extra `plot`. The pictures are derived from "Battery and
Heating Data in Real Driving Cycles" by M. Steinstraeter, J. Buberger, D. Trifonov (IEEE DataPort 2020, doi
10.21227/6jr9-5235).
"""

import argparse
import sys
from pathlib import Path
from typing import Final

from model import trips
from telemetry.adapters import plot

_CHOSEN: Final = {"TripA12": "summer", "TripB03": "winter"}
_DOCS: Final = Path(__file__).parents[1] / "docs"
_EVERY: Final = 5  # moments; a line needs no more points than a picture has columns


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trips", type=Path, default=trips.DEFAULT, help="a folder (default: %(default)s)")
    loaded = [trip for trip in trips.load(parser.parse_args().trips) if trip.name in _CHOSEN]
    modelled = trips.replay(loaded).voltage
    for each, trip in enumerate(loaded):
        voltage = modelled[: len(trip.voltage), each]
        panels = {
            "pack in V": {"measured": trip.voltage[::_EVERY], "modelled": voltage[::_EVERY]},
            "error in V": {"modelled - measured": (voltage - trip.voltage)[::_EVERY]},
            "current in A": {"measured": trip.current[::_EVERY]},
        }
        season = _CHOSEN[trip.name]
        title = f"{trip.name} ({season}, battery {trip.temperature[0]:.0f} °C). Data: doi 10.21227/6jr9-5235"
        time_s = [moment * _EVERY * trips.SAMPLING_S for moment in range(len(voltage[::_EVERY]))]
        plot.panels(_DOCS / f"battery-{season}.png", time_s, panels, title)
        print(f"drew {trip.name} in docs/battery-{season}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
