"""What chargers give: constant current or power, until the pack's limits make it constant voltage."""

from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery.curve import along
from telemetry.domain.vehicle.battery.parameters import Floats, Knots

_AC_POWER: Final = 7.4e3  # W, one phase of 32 A: the car's own charger
_AC_EFFICIENCY: Final = 0.92  # of that charger [chosen]
# %, A: 125 A on 0x2F5 and in the log of an i3 at a 50 kW station (damienmaguire/BMW-i3-CCS). How the current
# falls is [chosen].
_DC_CURVE: Final[Knots] = ((0.0, 125.0), (80.0, 125.0), (88.0, 50.0), (95.0, 15.0))


def ac_current(voltage: Floats) -> Floats:
    """Return the current of a charger at home, (n,) in A, for packs at `voltage`, (n,) in V."""
    return np.full_like(voltage, _AC_POWER * _AC_EFFICIENCY) / voltage


def dc_current(soc: Floats) -> Floats:
    """Return the current of a fast charger, (n,) in A, for packs at `soc`, (n,) in %."""
    return along(_DC_CURVE, soc)
