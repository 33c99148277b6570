"""Fit the voltage of the 60 Ah cell to recorded trips, and print the errors of such a fit on other trips.

Run by `make fit-battery [TRIPS=folder]`. It prints the figures that
`telemetry.domain.vehicle.battery.variants` holds, which are copied there by hand. Then it leaves out each of
nine parts of the trips in turn.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from model import fitting, trips
from model.battery import rmse, totals
from model.fitting import Fit
from model.trips import Trip
from telemetry.domain.vehicle.battery.parameters import Floats

_PARTS: Final = 9


def left_out(loaded: Sequence[Trip], seed: int) -> Mapping[str, Floats]:
    """Return the errors of each trip by a fit to the trips of the other parts."""
    parts = np.array_split(np.random.default_rng(seed).permutation(len(loaded)), _PARTS)
    with multiprocessing.get_context("spawn").Pool() as pool:
        found = pool.map(partial(_leave_out, loaded), [part.tolist() for part in parts], chunksize=1)
    return {name: error for part in found for name, error in part.items()}


def _leave_out(loaded: Sequence[Trip], part: Sequence[int]) -> Mapping[str, Floats]:
    fitted = fitting.fit([trip for place, trip in enumerate(loaded) if place not in part])
    out = [loaded[place] for place in part]
    return {trip.name: error for trip, error in zip(out, fitting.errors(out, fitted), strict=True)}


def _show(fitted: Fit) -> None:
    """Print a fit with the figures that `variants` needs."""
    searched, linear = fitted.searched, fitted.linear
    ohmic, first, second, third = linear[len(fitting.OCV_KNOTS) : len(fitting.OCV_KNOTS) + 4] * 1e3
    print(
        "ocv      "
        + " ".join(f"({soc:g}, {volt:.4f})" for soc, volt in zip(fitting.OCV_KNOTS, linear, strict=False))
    )
    print(f"ohmic    {ohmic:.4f} mohm, {fitting.OHMIC / 1e3:g} kJ/mol")
    print(f"transfer {searched.transfer * 1e3:.4f} mohm, {searched.transfer_activation / 1e3:.1f} kJ/mol")
    print(
        f"pair     {first:.4f} mohm, {searched.transfer_activation / 1e3:.1f} kJ/mol, {searched.first_tau_s:.3f} s"
    )
    print(
        f"pair     {second:.4f} mohm, {searched.second_activation / 1e3:.1f} kJ/mol, {searched.second_tau_s:.1f} s"
    )
    print(
        f"pair     {third:.4f} mohm, {searched.third_activation / 1e3:.1f} kJ/mol, {searched.third_tau_s:.0f} s"
    )
    reading = zip(fitting.READING_KNOTS, linear[-len(fitting.READING_KNOTS) :] * 1e3, strict=True)
    print("reading  " + " ".join(f"({soc:g}, {slope:.3f}e-3)" for soc, slope in reading))


def _report(name: str, by_trip: Mapping[str, Floats]) -> None:
    """Print the errors of trips: of all, without each trip's mean, and of all except the worst trip."""
    worst = max(by_trip, key=lambda each: rmse(by_trip[each]))
    total, centred = totals(by_trip.values())
    rest, _ = totals(error for trip, error in by_trip.items() if trip != worst)
    print(
        f"fit: name={name} trips={len(by_trip)} rmse_v={total:.3f} rmse_offset_removed_v={centred:.3f} "
        f"without={worst} rmse_v_without={rest:.3f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trips", type=Path, default=trips.DEFAULT, help="a folder (default: %(default)s)")
    parser.add_argument("--times", type=int, default=2, help="how often trips are parted anew (default: 2)")
    chosen = parser.parse_args()
    if len(loaded := trips.load(chosen.trips)) < _PARTS:
        print(f"{chosen.trips}: {len(loaded)} trips are too few for a fit", file=sys.stderr)
        return 1
    fitted = fitting.fit(loaded)
    _show(fitted)
    names = [trip.name for trip in loaded]
    _report("all", dict(zip(names, fitting.errors(loaded, fitted), strict=True)))
    for seed in range(chosen.times):
        _report("left_out", left_out(loaded, seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
