"""How near the battery model comes to recorded trips, and how fast it is.

Run by `make bench-battery [TRIPS=folder]`. A nominal pack that starts at rest gets each trip's measured
current, first SoC and temperature. Its voltage is compared with the measured one.
"""

import argparse
import multiprocessing
import resource
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from timeit import repeat
from typing import Final

import numpy as np

from benchmarks import data
from model import trips
from telemetry.domain.contract import codec
from telemetry.domain.vehicle.battery import Fleet
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.simulate import Simulation

_VEHICLES: Final = 1000
_STEPS: Final = 20
_ROUNDS: Final = 9
_MANY: Final = 10_000


def rmse(error: Floats) -> float:
    """Return the root of the mean square; NaN if there is no value."""
    return float(np.sqrt(np.mean(np.square(error)))) if error.size else float("nan")


def totals(errors: Iterable[Floats]) -> tuple[float, float]:
    """Return the RMSE over all trips, and the RMSE with each trip's mean error removed."""
    errors = [np.empty(0), *errors]
    centred = [error - error.mean() for error in errors if error.size]
    return rmse(np.concatenate(errors)), rmse(np.concatenate([np.empty(0), *centred]))


def compare(folder: Path) -> Mapping[str, Floats]:
    """Replay the trips of a folder, print the errors of each, and return all errors."""
    if not (loaded := trips.load(folder)):
        print(f"there are no trips in {folder}: name a folder with TRIPS=")
        return {}
    errors = trips.errors(loaded, trips.replay(loaded).voltage)
    print(f"{'trip':<10}{'minutes':>8}{'RMSE V':>9}{'offset removed V':>18}{'max V':>8}")
    for name, error in errors.items():
        minutes = error.size * trips.SAMPLING_S / 60
        print(f"{name:<10}{minutes:8.1f}{rmse(error):9.2f}{error.std():18.2f}{np.abs(error).max():8.2f}")
    _compare_own_temperature(loaded)
    return errors


def _compare_own_temperature(loaded: Sequence[trips.Trip]) -> None:
    """Print the total with the model's own temperature, from the first measured one and the weather."""
    free = trips.replay(loaded, own_temperature=True)
    error = np.concatenate(list(trips.errors(loaded, free.voltage).values()))
    ends = [
        free.temperature[len(trip.temperature) - 1, each] - trip.temperature[-1]
        for each, trip in enumerate(loaded)
    ]
    print(
        f"with the model's own temperature from each trip's first: RMSE {rmse(error):.2f} V, "
        f"temperature at the end of a trip off by {rmse(np.array(ends)):.2f} K RMSE"
    )


def per_second(action: Callable[[], object]) -> float:
    """Return how many vehicles an action steps in a second, in the best of several rounds."""
    return _VEHICLES * _STEPS / min(repeat(action, number=_STEPS, repeat=_ROUNDS))


def peak_memory() -> float:
    """Return the most memory that a process takes for many vehicles, in MB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_drive_many)


def _drive_many() -> float:
    simulation = Simulation(_MANY, seed=1)
    for number in range(5):
        simulation.sample(data.START_MS + 200 * number)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kB on Linux


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trips", type=Path, default=trips.DEFAULT, help="a folder (default: %(default)s)")
    errors = compare(parser.parse_args().trips)
    fleet, simulation = Fleet.new(_VEHICLES, seed=1), Simulation(_VEHICLES, seed=1)
    physics = per_second(fleet.advance)
    records = per_second(lambda: codec.encode_request(simulation.sample(data.START_MS)))
    print(f"{physics:,.0f} vehicle-steps/s at {_VEHICLES} vehicles of 96 cells on one core")
    print(f"{records:,.0f} vehicle-steps/s with a record built and encoded for each")
    print(f"{peak_memory():.0f} MB at the most for {_MANY} vehicles, records included")
    total, centred = totals(errors.values())
    largest = max((np.abs(error).max() for error in errors.values()), default=float("nan"))
    print(
        f"battery: trips={len(errors)} rmse_v={total:.3f} rmse_offset_removed_v={centred:.3f} "
        f"max_v={largest:.2f} vehicle_steps_per_s={physics:.0f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
