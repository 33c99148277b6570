"""The power for heating and cooling the cabin, by the temperature outside and the time since the start.

The levels are those of the TUM trips (source in `parameters`). At 5 degC the heater starts with 5.7 kW and
ends with 1.1 kW. At 30 degC the compressor takes 0.8 to 1.6 kW.
"""

from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery.parameters import Floats

_HEATED_BELOW: Final = 19.0  # degC
_HOLDING: Final = 80.0  # W/K, to keep a warm cabin warm
_WARMING: Final = 340.0  # W/K more, to warm it up
_WARM_AFTER_S: Final = 240.0  # time constant with which that fades
_HEATER: Final = 5.8e3  # W, at most
_COOLED_ABOVE: Final = 21.0  # degC
_COOLING: Final = 110.0  # W/K
_COMPRESSOR: Final = 2.5e3  # W, at most


def power(ambient: Floats, running_s: Floats) -> Floats:
    """Return the power for the cabin, (n,) in W, at `ambient` degC, `running_s` seconds after the start."""
    missing = np.maximum(_HEATED_BELOW - ambient, 0.0)
    heater = missing * (_HOLDING + _WARMING * np.exp(-running_s / _WARM_AFTER_S))
    compressor = _COOLING * np.maximum(ambient - _COOLED_ABOVE, 0.0)
    return np.minimum(heater, _HEATER) + np.minimum(compressor, _COMPRESSOR)
