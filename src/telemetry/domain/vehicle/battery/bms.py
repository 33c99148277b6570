"""What a BMS sends about its pack besides measurements: limits, energy content, and the displayed SoC."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from telemetry.domain.vehicle.battery.curve import along, over_soc
from telemetry.domain.vehicle.battery.limits import current_limits
from telemetry.domain.vehicle.battery.pack import Packs, PackState, resting_voltage
from telemetry.domain.vehicle.battery.parameters import Floats, Knots


def bus_signals(packs: Packs, state: PackState) -> Mapping[str, Floats]:
    """Return the signals by their names in `telemetry/data/bmw_i3.dbc`, each (n,) in the signal's unit."""
    soc, dashboard = state.mean_soc, packs.parameters.dashboard
    discharge, charge = current_limits(packs, state)
    constant = {
        "discharge_voltage_limit": dashboard.voltages[0],
        "charge_voltage_limit": dashboard.voltages[1],
        "soc_window_min": dashboard.window[0],
        "soc_window_max": dashboard.window[1],
    }
    return {
        "battery_temp": state.temperature.mean(axis=1),
        "discharge_current_limit": discharge,
        "charge_current_limit": charge,
        "target_voltage": resting_voltage(packs, state),
        "energy_content_max": energy_content(packs),
        "display_soc": along(dashboard.display, soc),
        **{name: np.full_like(soc, value) for name, value in constant.items()},
    }


def energy_content(packs: Packs) -> Floats:
    """Return the energy in the packs' window at 25 degC and almost no current, (n,) in kWh."""
    parameters = packs.parameters
    low, high = parameters.dashboard.window
    per_ah = _mean(parameters.cell.ocv, low, high) * (high - low) / 100.0
    content: Floats = per_ah * packs.capacity.sum(axis=1) / 1000.0
    return content


@lru_cache
def _mean(ocv: Knots, low: float, high: float) -> float:
    """Return the mean of a curve over SoC from `low` to `high` in %."""
    return float(over_soc(ocv).at(np.linspace(low, high, 1000)).mean())
