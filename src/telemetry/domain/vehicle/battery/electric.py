"""What a current does to the voltage of a cell: OCV, R0 and the RC pairs, with the temperature dependence of each.

All figures are those of nominal cells; a real cell's overpotential is a multiple of it. An RC pair is kept as the
current through its resistor, `x`: it follows the pack's current I with dx/dt = (I - x) / tau, so that the voltage
over the pair is R(T) x. One x per pair holds for all cells of a pack, whatever their temperatures and resistances.
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
    return over_soc(cell.ocv)(soc)


def entropic_slope(cell: Cell, soc: Floats) -> Floats:
    """Return by how much the OCV rises with temperature, in V/K, for a SoC in %, any shape."""
    return over_soc(cell.entropic)(soc)


def reading_slope(cell: Cell, soc: Floats) -> Floats:
    """Return by how much more the voltage at a SoC in %, any shape, rises with temperature than the OCV, in V/K."""
    return over_soc(cell.reading)(soc)


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


def resistance_within(cell: Cell, temperature: Floats, seconds: float) -> Floats:
    """Return the ohms that a steady current meets after some seconds, in the shape of `temperature` in degC.

    Charge transfer is taken as if it were ohmic, which it never exceeds.
    """
    inverse = coldness(temperature)
    ohms = _arrhenius(cell.ohmic, inverse) + _arrhenius(cell.transfer, inverse)
    for pair in cell.pairs:
        ohms -= math.expm1(-seconds / pair.tau_s) * _arrhenius(pair.resistance, inverse)
    return ohms


def relax(cell: Cell, through_pairs: Floats, current: Floats, dt_s: float) -> Floats:
    """Return the currents through the pairs, (pairs, n) in A, after `dt_s` seconds of a constant `current`, (n,)."""
    taus = np.array([pair.tau_s for pair in cell.pairs])
    remains: Floats = np.exp(-dt_s / taus)[:, np.newaxis]
    return current + (through_pairs - current) * remains


def relaxing(cell: Cell, through_pairs: Floats, current: Floats, dt_s: float) -> Floats:
    """Return the mean of those currents over the `dt_s` seconds, (pairs, n) in A."""
    periods = np.array([dt_s / pair.tau_s for pair in cell.pairs])
    share: Floats = (-np.expm1(-periods) / periods)[:, np.newaxis]
    return current + (through_pairs - current) * share


def coldness(temperature: Floats) -> Floats:
    """Return 1/RT less that of 25 degC, in mol/J: what an activation energy is multiplied with."""
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

    2RT/F asinh(I / 2 i0) with i0 = RT / (F R_ct): it starts with the slope R_ct, and bends as I passes i0.
    """
    thermal: Floats = (2.0 * GAS / FARADAY) * (temperature + ZERO)
    return thermal * np.arcsinh(_arrhenius(resistance, inverse) * current / thermal)
