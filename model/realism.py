"""How similar simulated drives are to real ones: 200 vehicles in an hour, against 36 trips of one car.

Run by `make bench-realism [TRIPS=folder]`. The references are figures of the TUM trips (IEEE DataPort 2020,
doi 10.21227/6jr9-5235) and of snapshots of real i3 cells (OBDb/BMW-i3). The distances are Wasserstein's. The
"limit" of one is the 95th percentile of the distance between one random half of the real trips and the other.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from model import discriminator, drives, trips, wire
from model.discriminator import Drive
from model.drives import PER_SECOND, Drives
from model.trips import SAMPLING_S
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.battery.variants import I3_60AH

_TRIP: Final = 20 * 60 * PER_SECOND  # moments; real trips last 22 min
_LARGE: Final = 40  # A, steps from which resistance is computed
_NOTABLE: Final = 10  # A, steps that are more than noise
_QUANTILES: Final = (np.arange(4000) + 0.5) / 4000
_STEP_RESISTANCE: Final = {5: 128, 10: 105, 15: 87, 20: 76, 25: 64, 30: 61}  # lowest degC of 5, mohm
# Range of the overpotential in mV, and the difference between the highest and the lowest cell in mV.
_SPREAD: Final = {(0, 40): 6.0, (40, 80): 8.3, (80, 150): 15.0, (150, 300): 28.0}


class Check(NamedTuple):
    """One line of the table."""

    name: str
    reference: str
    ours: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        return self.low <= self.ours <= self.high


def distance(one: Floats, other: Floats) -> float:
    """Return Wasserstein's distance between two samples of a quantity."""
    return float(np.abs(np.quantile(one, _QUANTILES) - np.quantile(other, _QUANTILES)).mean())


def consistency(drive: Drives) -> Iterator[Check]:
    """Check what has to hold without any reference."""
    charge = np.cumsum(drive.current.astype(np.float64), axis=0) * (SAMPLING_S / 3600.0)
    expected = drive.soc[0] + 100.0 * (charge - charge[0]) / drive.capacity
    yield Check("SoC off the charge, pp", "<= 0.03", float(np.abs(drive.soc - expected).max()), 0, 0.03)
    mean = drive.voltage / 96
    within = (drive.cell_min <= mean + 1e-5) & (mean <= drive.cell_max + 1e-5)
    yield Check("pack / 96 within its cells, %", "100", 100 * within.mean(), 100, 100)
    limits, cell = I3_60AH.limits, I3_60AH.cell
    ok = (drive.current >= limits.discharge) & (drive.current <= limits.charge)
    ok &= (drive.cell_min >= cell.voltage_min - 1e-6) & (drive.cell_max <= cell.voltage_max + 1e-6)
    yield Check("samples within all limits, %", "100", 100 * ok.mean(), 100, 100)


def resistance(drive: Drives) -> Iterator[Check]:
    """Check how the voltage follows steps of the current, by temperature."""
    steps, sags = np.diff(drive.current, axis=0), np.diff(drive.voltage, axis=0)
    warm = (drive.coldest[1:] + drive.warmest[1:]) / 2
    for lowest, reference in _STEP_RESISTANCE.items():
        chosen = (np.abs(steps) > _LARGE) & (warm >= lowest) & (warm < lowest + 5)
        milliohms = 1e3 * (steps[chosen] * sags[chosen]).sum() / np.square(steps[chosen]).sum()
        name = f"step resistance {lowest} to {lowest + 5} degC, mohm"
        yield Check(name, f"{reference} +-15 %", float(milliohms), 0.85 * reference, 1.15 * reference)
    large = np.abs(steps) > _NOTABLE
    yield Check("corr(dV, dI)", "0.95", float(np.corrcoef(sags[large], steps[large])[0, 1]), 0.92, 0.98)


def energy(drive: Drives) -> Iterator[Check]:
    """Check the energy that becomes heat, the warming of the pack, and the voltage after a rest."""
    yield Check("off the OCV after 20 min rest, mV/cell", "<= 5", 1e3 * drive.rest_error.max(), 0, 5)
    lost = ((drive.voltage - drive.ocv) * drive.current).sum(axis=0)
    share = 100 * lost / np.abs(drive.voltage * drive.current).sum(axis=0)
    yield Check("loss / throughput, %, median", "2.7 (0.8 to 5.6)", float(np.median(share)), 0.8, 5.6)
    middle = (drive.coldest + drive.warmest) / 2
    rate = np.abs(middle[-1] - middle[0]) / (len(middle) * SAMPLING_S / 60)
    yield Check("|dT| a minute, K, median", "0.08", float(np.median(rate)), 0.02, 0.16)
    yield Check("|dT| a minute, K, max", "<= 0.29", float(rate.max()), 0, 0.29)
    spread = drive.warmest - drive.coldest
    yield Check("temperature max-min, K, 5 %", ">= 0.4", float(np.quantile(spread, 0.05)), 0.3, 4.4)
    yield Check("temperature max-min, K, 95 %", "<= 4.0", float(np.quantile(spread, 0.95)), 0.4, 4.4)
    jump = max(np.abs(np.diff(ends, axis=0)).max() for ends in (drive.coldest, drive.warmest))
    yield Check("largest jump in 200 ms, K", "<= 0.5", float(jump), 0, 0.5)


def cells(drive: Drives) -> Iterator[Check]:
    """Check how far the voltages of a pack's cells lie apart, at rest and under load."""
    apart = 1e3 * (drive.cell_max - drive.cell_min)
    over = 1e3 * np.abs(drive.voltage - drive.ocv) / 96
    for (low, high), reference in _SPREAD.items():
        chosen = apart[(over >= low) & (over < high)]
        name = f"cells max-min at {low} to {high} mV, mV"
        yield Check(name, f"{reference} +-30 %", float(np.median(chosen)), 0.7 * reference, 1.3 * reference)


def driving(drive: Drives) -> Iterator[Check]:
    """Check the current, the speed and the energy of a drive."""
    current = drive.current.astype(np.float64)
    for lag_s, reference, tolerance in ((1, 0.84, 0.05), (10, 0.15, 0.06)):
        name = f"autocorrelation of I at {lag_s} s"
        value = _autocorrelation(current, lag_s * PER_SECOND)
        yield Check(name, f"{reference:g}", value, reference - tolerance, reference + tolerance)
    still = drive.speed < 0.3  # noqa: PLR2004  # m/s
    yield Check("standstill, %", "10", 100 * still.mean(), 7, 14)
    yield Check("current at standstill, A, median", "-3.7", float(np.median(current[still])), -5.5, -2.0)
    energies = -(current * drive.voltage).sum(axis=0) * SAMPLING_S / 3600
    way = drive.speed.sum(axis=0) * SAMPLING_S / 1000
    yield Check("Wh/km, median", "171 (99 to 233)", float(np.median(energies / way)), 140, 200)
    share = 100 * current.clip(min=0).sum() / -current.clip(max=0).sum()
    yield Check("recuperated, %", "16 to 19", float(share), 16, 19)


def distributions(drive: Drives, real: Sequence[trips.Trip]) -> Iterator[Check]:
    """Check distributions against real trips."""
    steps = np.concatenate([np.diff(trip.current) for trip in real])
    sags = np.concatenate([np.diff(trip.voltage) for trip in real])
    current = np.concatenate([trip.current for trip in real])
    voltage = np.concatenate([trip.voltage for trip in real])
    power = drive.current * drive.voltage / 1e3
    yield Check("W1 of current, A", "2.4, limit 6", distance(drive.current, current), 0, 6)
    yield Check(
        "W1 of its steps, A", "0.16, limit 0.40", distance(np.diff(drive.current, axis=0), steps), 0, 0.4
    )
    yield Check(
        "W1 of voltage steps, V",
        "0.022, limit 0.045",
        distance(np.diff(drive.voltage, axis=0), sags),
        0,
        0.045,
    )
    yield Check("W1 of power, kW", "0.9, limit 2.1", distance(power, current * voltage / 1e3), 0, 2.1)


def on_the_wire() -> Iterator[Check]:
    """Check how much of the signals is lost on the bus."""
    read = wire.read_back()
    yield Check("wire: off by, share of a signal's resolution", "<= 0.5", read.off, 0, 0.5 + 1e-6)
    yield Check("wire: not available and read as a number", "0", read.mistaken, 0, 0)


def discriminated(drive: Drives, real: Sequence[trips.Trip], seed: int = 1) -> Iterator[Check]:
    """Check how easily a classifier distinguishes our drives, cut to the lengths of trips, from the trips."""
    rng, vehicles = np.random.default_rng(seed), drive.current.shape[1]
    theirs = [Drive(trip.current, trip.voltage) for trip in real]
    ours = [
        Drive(drive.current[: len(trip.current), vehicle], drive.voltage[: len(trip.current), vehicle])
        for trip, vehicle in zip(real, rng.permutation(vehicles), strict=False)
    ]
    reference = f"0.5, real {discriminator.floor(theirs):.2f}"
    yield Check("AUC of a classifier, real or simulated", reference, discriminator.auc(theirs, ours), 0, 0.9)


def _autocorrelation(current: Floats, lag: int) -> float:
    """Return the autocorrelation in pieces as long as a trip, because over longer pieces the road changes."""
    pieces = max(1, len(current) // _TRIP)
    if pieces > 1:
        return float(np.mean([_autocorrelation(piece, lag) for piece in np.array_split(current, pieces)]))
    centred = current - current.mean(axis=0)
    return float(np.mean((centred[:-lag] * centred[lag:]).mean(axis=0) / centred.var(axis=0)))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trips", type=Path, default=trips.DEFAULT, help="a folder (default: %(default)s)")
    parser.add_argument("--vehicles", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=3600)
    chosen = parser.parse_args()
    drive = drives.record(chosen.vehicles, chosen.seconds)
    trip = drive.trips()
    print(
        f"{trip.capacity.size} of {drive.capacity.size} vehicles never had to charge, and are compared with trips"
    )
    checks = [
        *consistency(drive),
        *resistance(trip),
        *energy(trip),
        *cells(trip),
        *driving(trip),
        *on_the_wire(),
    ]
    if real := trips.load(chosen.trips):
        checks += [*distributions(trip, real), *discriminated(trip, real)]
    else:
        print(f"there are no trips in {chosen.trips}: the distributions and the classifier are left out")
    print(f"{'check':<42}{'reference':>20}{'ours':>10}{'limit':>18}")
    for check in checks:
        limit = f"{check.low:.4g} to {check.high:.4g}"
        print(
            f"{check.name:<42}{check.reference:>20}{check.ours:10.3f}{limit:>18}{'' if check.holds else '  <--'}"
        )
    print(f"realism: vehicles={chosen.vehicles} checks={len(checks)} held={sum(c.holds for c in checks)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
