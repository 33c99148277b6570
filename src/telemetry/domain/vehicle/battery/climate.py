"""What heating and cooling the cabin takes, by the temperature outside and the time since the car was started.

The levels are those of the TUM trips (source in `parameters`): at 5 degC the heater starts with 5.7 kW and ends
with 1.1 kW; at 30 degC the compressor takes 0.8 to 1.6 kW.
"""

from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery.parameters import Floats

_HEATED_BELOW: Final = 19.0  # degC
_HOLDING: Final = 80.0  # W/K, to keep a warm cabin warm
_WARMING: Final = 340.0  # W/K more, to warm it up
_WARM_AFTER: Final = 240.0  # s, in which that fades
_HEATER: Final = 5.8e3  # W, at most
_COOLED_ABOVE: Final = 21.0  # degC
_COOLING: Final = 110.0  # W/K
_COMPRESSOR: Final = 2.5e3  # W, at most


def power(ambient: Floats, running: Floats) -> Floats:
    """Return the power for the cabin, (n,) in W, at `ambient` degC and `running` seconds after the start."""
    missing = np.maximum(_HEATED_BELOW - ambient, 0.0)
    heater = missing * (_HOLDING + _WARMING * np.exp(-running / _WARM_AFTER))
    compressor = _COOLING * np.maximum(ambient - _COOLED_ABOVE, 0.0)
    return np.minimum(heater, _HEATER) + np.minimum(compressor, _COMPRESSOR)
