"""A fit of the voltage of the 60 Ah cell to recorded trips.

Given the time constants, the activation energies and the charge transfer, the voltage is linear in all other
parameters. So those few are searched for, and for each choice of them the others are found by least squares
(variable projection; Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973) 413). Each trip has a constant error
of its own, because its first SoC has one. These offsets are fitted with the other parameters. They are drawn
towards zero as by a Student's distribution, so that one trip that is far off does not bend the OCV of all
others (Lange, Little, Taylor, J. Am. Stat. Assoc. 84 (1989) 881).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from model.trips import SAMPLING_S, Trip
from telemetry.domain.vehicle.battery import electric
from telemetry.domain.vehicle.battery.parameters import Cell, Floats, Pair, Resistance
from telemetry.domain.vehicle.battery.variants import I3_60AH

_CELLS: Final = I3_60AH.structure.cells
OCV_KNOTS: Final = np.array([12.0, 16.0, *range(20, 91, 5)])  # %
READING_KNOTS: Final = np.array([40.0, 80.0])  # %
OHMIC: Final = 10.0e3  # J/mol, fixed at that of electrolytes
_EVERY: Final = 5  # moments; the pairs are stepped at every moment, and compared at every fifth
_TOGETHER_S: Final = 60.0  # time in which errors are correlated, so that a minute counts as one observation
_NOISE: Final = 0.8 / _CELLS  # V of a cell, sigma of the errors within a trip
_OFFSET: Final = 0.5 / _CELLS  # V of a cell, sigma of the offsets of trips
_DEGREES: Final = 3.0  # of freedom of Student's distribution
_BEND: Final = 10e-3  # V of a cell, sigma of the bend of the OCV at a knot
_READING_SIGMA: Final = 0.6e-3  # V/K, sigma of the reading
_ROUNDS: Final = 5  # of weighting the offsets
_START: Final = np.log([0.1e-3, 60e3, 10e3, 25e3, 0.5, 30.0, 300.0])  # where the search begins


class Searched(NamedTuple):
    """The parameters in which the voltage is not linear."""

    transfer: float  # ohm
    transfer_activation: float  # J/mol, of the fast pair too
    second_activation: float  # J/mol
    third_activation: float  # J/mol
    first_tau_s: float
    second_tau_s: float
    third_tau_s: float

    def cell(self) -> Cell:
        """Return a cell with these parameters whose pairs have 1 ohm, and that has no ohmic resistance."""
        activations = self.transfer_activation, self.second_activation, self.third_activation
        pairs = (
            Pair(Resistance(1.0, activation), tau_s)
            for activation, tau_s in zip(activations, self[4:], strict=True)
        )
        transfer = Resistance(self.transfer, self.transfer_activation)
        return replace(I3_60AH.cell, transfer=transfer, ohmic=Resistance(0.0, 0.0), pairs=tuple(pairs))


class Fit(NamedTuple):
    """A whole fit."""

    searched: Searched
    linear: Floats  # (columns,): OCV at its knots, ohmic, three pairs, reading at its knots


class Courses:
    """The trips to fit, one after the other; a column is (moments,), with every fifth moment of each trip."""

    def __init__(self, loaded: Sequence[Trip]) -> None:
        lengths = [len(trip.current) for trip in loaded]
        self._flows = np.zeros((max(lengths), len(loaded)))
        for each, trip in enumerate(loaded):
            self._flows[: lengths[each], each] = np.nan_to_num(trip.current)
        moments = [np.arange(0, length, _EVERY) for length in lengths]
        self.trip: npt.NDArray[np.intp] = np.repeat(np.arange(len(loaded)), [len(each) for each in moments])
        self._places = np.concatenate(moments), self.trip
        self.current = self._flows[self._places]
        self._flows[0] = 0.0  # a replay begins at the first moment, and no current flowed before
        first = np.array([trip.soc[np.isfinite(trip.soc)][0] for trip in loaded])
        charge = np.cumsum(self._flows, axis=0) * (SAMPLING_S / 3600.0)
        self.soc = (first + 100.0 * charge / I3_60AH.cell.capacity_ah)[self._places]
        self.temperature = np.concatenate([trip.temperature[::_EVERY] for trip in loaded])
        self.voltage = np.concatenate([trip.voltage[::_EVERY] for trip in loaded]) / _CELLS

    def through(self, cell: Cell) -> Floats:
        """Return the currents through the pairs, (pairs, moments) in A."""
        through = np.zeros((len(cell.pairs), *self._flows.shape))
        for moment in range(1, len(self._flows)):
            through[:, moment] = electric.relax(cell, through[:, moment - 1], self._flows[moment], SAMPLING_S)
        return through[:, *self._places]


def _columns(courses: Courses, cell: Cell, through: Floats) -> Floats:
    """Return the factors of the linear parameters, (moments, columns)."""
    coldness, degrees = electric.coldness(courses.temperature), courses.temperature - 25.0
    resistances = [courses.current * np.exp(OHMIC * coldness)]
    resistances += [
        flow * np.exp(pair.resistance.activation * coldness)
        for pair, flow in zip(cell.pairs, through, strict=True)
    ]
    reading = _hats(READING_KNOTS, courses.soc) * degrees[:, np.newaxis]
    return np.column_stack([_hats(OCV_KNOTS, courses.soc), *resistances, reading])


def _known(courses: Courses, cell: Cell) -> Floats:
    """Return the part of the voltage that is not fitted linearly, (moments,) in V."""
    alone = replace(cell, pairs=())
    transfer = electric.overpotential(alone, courses.temperature[:, np.newaxis], courses.current, np.empty(0))
    entropic: Floats = electric.entropic_slope(cell, courses.soc) * (courses.temperature - 25.0)
    return entropic + transfer[:, 0]


def _hats(knots: Floats, where: Floats) -> Floats:
    """Return the weight of each knot in a curve that is linear between them, (moments, knots)."""
    return np.column_stack([np.interp(where, knots, row) for row in np.eye(len(knots))])


class _Solved(NamedTuple):
    linear: Floats  # (columns,)
    offsets: Floats  # (trips,) V of a cell
    residuals: Floats  # all terms that the fit makes small, in units of their sigmas


def _solve(courses: Courses, searched: Searched, weights: Floats) -> _Solved:
    """Fit the linear parameters, and an offset of each trip with its weight in Student's distribution."""
    cell = searched.cell()
    columns = _columns(courses, cell, courses.through(cell))
    count, fitted = len(weights), columns.shape[1]
    share = np.sqrt(SAMPLING_S * _EVERY / _TOGETHER_S) / _NOISE
    sought = share * (courses.voltage - _known(courses, cell))
    rows = _regularisation(fitted)
    drawn = np.diag(np.sqrt(weights) / _OFFSET)
    belongs = np.eye(count)[courses.trip]
    design = np.block(
        [
            [share * columns, share * belongs],
            [rows, np.zeros((len(rows), count))],
            [np.zeros((count, fitted)), drawn],
        ]
    )
    target = np.concatenate([sought, np.zeros(len(rows) + count)])
    scale = np.sqrt(np.square(design).sum(axis=0))
    scaled = design / scale
    solution = np.linalg.solve(scaled.T @ scaled, scaled.T @ target) / scale
    return _Solved(solution[:fitted], solution[fitted:], design @ solution - target)


def _regularisation(fitted: int) -> Floats:
    """Return rows of the design that keep the bends of the OCV and the reading small."""
    slopes = np.diff(np.eye(len(OCV_KNOTS)), axis=0) / np.diff(OCV_KNOTS)[:, np.newaxis]
    bends = np.diff(slopes, axis=0) * 5.0 / _BEND  # per knot, as if all knots were 5 % apart
    rows = np.zeros((len(bends) + len(READING_KNOTS), fitted))
    rows[: len(bends), : len(OCV_KNOTS)] = bends
    rows[len(bends) :, -len(READING_KNOTS) :] = np.eye(len(READING_KNOTS)) / _READING_SIGMA
    return rows


def fit(loaded: Sequence[Trip]) -> Fit:
    """Fit trips."""
    courses, found, weights = Courses(loaded), _START, np.ones(len(loaded))
    for _ in range(_ROUNDS):
        found = least_squares(
            lambda logarithms, weights: _solve(courses, _searched(logarithms), weights).residuals,
            found,
            args=(weights,),
            xtol=1e-3,
            ftol=1e-4,
            diff_step=1e-3,  # a finer change of these parameters has no effect that matters
        ).x
        solved = _solve(courses, _searched(found), weights)
        weights = (_DEGREES + 1.0) / (_DEGREES + np.square(solved.offsets / _OFFSET))
    return Fit(_searched(found), solved.linear)


def _searched(logarithms: Floats) -> Searched:
    return Searched(*np.exp(logarithms).tolist())


def errors(loaded: Sequence[Trip], fitted: Fit) -> Sequence[Floats]:
    """Return modelled minus measured voltage of each trip, in V of the pack."""
    courses, cell = Courses(loaded), fitted.searched.cell()
    voltage = _columns(courses, cell, courses.through(cell)) @ fitted.linear + _known(courses, cell)
    error = _CELLS * (voltage - courses.voltage)
    return [error[courses.trip == each] for each in range(len(loaded))]
