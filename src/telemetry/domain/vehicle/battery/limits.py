"""The currents that a BMS allows: within the pack's ratings, and such that no cell leaves its voltages."""

import numpy as np

from telemetry.domain.vehicle.battery import electric
from telemetry.domain.vehicle.battery.curve import along
from telemetry.domain.vehicle.battery.pack import Packs, PackState, warmth
from telemetry.domain.vehicle.battery.parameters import Floats


def current_limits(packs: Packs, state: PackState) -> tuple[Floats, Floats]:
    """Return the lowest and the highest current, each (n,) in A, that the packs may carry.

    The lowest is at most 0 and the highest at least 0. The emptiest cell counts for discharging and the
    fullest for charging, both with the pack's highest resistance and its coldest module. Near a cell's
    highest voltage the limit falls as the current of a charger at constant voltage does.
    """
    limits = packs.parameters.limits
    empty, full = state.soc.min(axis=1), state.soc.max(axis=1)
    discharge, charge = _ratings(packs, state.temperature)
    lower, upper = _headroom(packs, state, empty, full)
    low, high = limits.window
    fade_low, fade_high = limits.fade
    discharge *= np.clip((empty - low) / fade_low, 0.0, 1.0)
    charge *= np.clip((high - full) / fade_high, 0.0, 1.0)
    return np.clip(lower, discharge, 0.0), np.clip(upper, 0.0, charge)


def _ratings(packs: Packs, temperature: Floats) -> tuple[Floats, Floats]:
    """Return the pack's ratings at its temperatures; the coldest and the warmest module both count."""
    limits = packs.parameters.limits
    ends = np.stack([temperature.min(axis=1), temperature.max(axis=1)])
    discharge = np.maximum(along(limits.discharge_by_temperature, ends).max(axis=0), limits.discharge)
    charge = np.minimum(along(limits.charge_by_temperature, ends).min(axis=0), limits.charge)
    return discharge, charge


def _headroom(packs: Packs, state: PackState, empty: Floats, full: Floats) -> tuple[Floats, Floats]:
    """Return the currents at which the emptiest and the fullest cell reach a limit within the horizon."""
    cell, limits = packs.parameters.cell, packs.parameters.limits
    nothing = np.zeros(len(empty))
    coldest = state.temperature.min(axis=1)
    strongest = packs.highest_resistance
    # The voltage over the pairs may stay or decay within the horizon. The worse of both counts.
    held = (
        electric.overpotential(cell, coldest[:, np.newaxis], nothing, state.through_pairs)[:, 0] * strongest
    )
    ohms = electric.resistance_after(cell, coldest, limits.horizon_s) * strongest
    # The OCV changes within the horizon too.
    percent = packs.most_percent_per_ah * (limits.horizon_s / 3600.0)
    warm = warmth(packs, state)
    low = _rest(packs, empty) + warm.min(axis=1) + np.minimum(held, 0.0)
    high = _rest(packs, full) + warm.max(axis=1) + np.maximum(held, 0.0)
    falling = ohms + percent * _steepness(packs, empty, -percent * abs(limits.discharge))
    rising = ohms + percent * _steepness(packs, full, percent * limits.charge)
    return (cell.voltage_min - low) / falling, (cell.voltage_max - high) / rising


def _rest(packs: Packs, soc: Floats) -> Floats:
    return electric.open_circuit_voltage(packs.parameters.cell, soc)


def _steepness(packs: Packs, soc: Floats, reach: Floats) -> Floats:
    """Return the mean slope of the OCV, (n,) in V per %, from `soc` to `soc + reach`."""
    there = np.clip(soc + reach, 0.0, 100.0)
    moved = there - soc
    rise = _rest(packs, there) - _rest(packs, soc)
    return np.divide(rise, moved, out=np.zeros_like(soc), where=moved != 0.0)
