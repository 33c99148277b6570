"""The effect of a current on the voltage of a cell: OCV, R0 and the RC pairs, each dependent on temperature.

All figures are those of nominal cells. The overpotential of a real cell is a multiple of the nominal one. The
state of an RC pair is the current through its resistor, `x`. It follows the pack's current I with dx/dt = (I
- x) / tau, so that the voltage over the pair is R(T) x. One x per pair holds for all cells of a pack,
whatever their temperatures and resistances.
"""

import math
from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery.curve import over_soc
from telemetry.domain.vehicle.battery.parameters import Cell, Floats, Resistance

GAS: Final = 8.314462618  # J/(mol K)
FARADAY: Final = 96485.33212  # C/mol
ZERO: Final = 273.15  # K at 0 degC
REFERENCE: Final = 298.15  # K at which resistances and OCV hold


def open_circuit_voltage(cell: Cell, soc: Floats) -> Floats:
    """Return the OCV at 25 degC in V for a SoC in %, any shape."""
    return over_soc(cell.ocv).at(soc)


def entropic_slope(cell: Cell, soc: Floats) -> Floats:
    """Return the slope of the OCV over temperature, in V/K, for a SoC in %, any shape."""
    return over_soc(cell.entropic).at(soc)


def reading_slope(cell: Cell, soc: Floats) -> Floats:
    """Return the slope of the voltage over temperature beyond the OCV's, in V/K; SoC in %, any shape."""
    return over_soc(cell.reading).at(soc)


def overpotential(cell: Cell, temperature: Floats, current: Floats, through_pairs: Floats) -> Floats:
    """Return the voltage over R0 and the pairs, (n, modules) in V, of a nominal cell in each module.

    `temperature` is (n, modules) in degC, `current` (n,) in A and `through_pairs` (pairs, n) in A.
    """
    inverse = coldness(temperature)
    voltage = _arrhenius(cell.ohmic, inverse)
    voltage *= current[:, np.newaxis]
    for pair, through in zip(cell.pairs, through_pairs, strict=True):
        voltage += _arrhenius(pair.resistance, inverse) * through[:, np.newaxis]
    if cell.transfer.ohm:
        voltage += _charge_transfer(cell.transfer, temperature, inverse, current[:, np.newaxis])
    return voltage


def resistance_after(cell: Cell, temperature: Floats, duration_s: float) -> Floats:
    """Return the resistance to a steady current after `duration_s`, in ohm, in the shape of `temperature`.

    Charge transfer counts as if it were ohmic, which is never less than it is.
    """
    inverse = coldness(temperature)
    ohms = _arrhenius(cell.ohmic, inverse) + _arrhenius(cell.transfer, inverse)
    for pair in cell.pairs:
        ohms -= math.expm1(-duration_s / pair.tau_s) * _arrhenius(pair.resistance, inverse)
    return ohms


def relax(cell: Cell, through_pairs: Floats, current: Floats, dt_s: float) -> Floats:
    """Return the currents through the pairs, (pairs, n) in A, after `dt_s` seconds.

    `current`, (n,) in A, is constant in that time.
    """
    taus_s = np.array([pair.tau_s for pair in cell.pairs])
    remains: Floats = np.exp(-dt_s / taus_s)[:, np.newaxis]
    return current + (through_pairs - current) * remains


def relax_mean(cell: Cell, through_pairs: Floats, current: Floats, dt_s: float) -> Floats:
    """Return the mean currents through the pairs, (pairs, n) in A, over the same `dt_s` seconds."""
    periods = np.array([dt_s / pair.tau_s for pair in cell.pairs])
    share: Floats = (-np.expm1(-periods) / periods)[:, np.newaxis]
    return current + (through_pairs - current) * share


def coldness(temperature: Floats) -> Floats:
    """Return 1/RT minus its value at 25 degC, in mol/J: the factor of an activation energy."""
    inverse: Floats = 1.0 / (temperature + ZERO)
    inverse -= 1.0 / REFERENCE
    inverse /= GAS
    return inverse


def _arrhenius(resistance: Resistance, inverse: Floats) -> Floats:
    ohms = np.exp(resistance.activation * inverse)
    ohms *= resistance.ohm
    return ohms


def _charge_transfer(resistance: Resistance, temperature: Floats, inverse: Floats, current: Floats) -> Floats:
    """Return Butler and Volmer's overpotential for equal charge transfer coefficients, in V.

    It is 2RT/F asinh(I / 2 i0) with i0 = RT / (F R_ct). It has the slope R_ct at no current, and bends as I
    passes i0.
    """
    thermal: Floats = (2.0 * GAS / FARADAY) * (temperature + ZERO)
    return thermal * np.arcsinh(_arrhenius(resistance, inverse) * current / thermal)
