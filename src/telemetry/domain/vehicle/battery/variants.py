"""The packs of the BMW i3: 60 Ah (2013 to 2016), 94 Ah (2017 and 2018) and 120 Ah (2019 to 2022).

The marks of the sources are explained in `parameters`. `docs/battery-model.md` says how near the 60 Ah pack
comes to trips that it was not fitted to.
"""

from collections.abc import Mapping
from typing import Final

from telemetry.domain.vehicle.battery.parameters import (
    Cell,
    Dashboard,
    Knots,
    PackLimits,
    Pair,
    Parameters,
    Resistance,
    Thermal,
)

# Slope over four temperatures of the lab table [lab]. It is used for the other cells too, because theirs is
# not known [chosen].
_ENTROPIC: Final[Knots] = (
    (5.0, -0.09e-3),
    (10.0, -0.22e-3),
    (15.0, -0.22e-3),
    (20.0, -0.12e-3),
    (25.0, 0.01e-3),
    (30.0, 0.17e-3),
    (40.0, 0.19e-3),
    (50.0, 0.16e-3),
    (55.0, 0.07e-3),
    (60.0, 0.36e-3),
    (70.0, 0.29e-3),
    (80.0, 0.33e-3),
    (90.0, 0.38e-3),
)

# J/mol, one figure for both effects of charge transfer: two are no better on other trips [fit]
_TRANSFER: Final = 66.9e3
_FASTER_S: Final = 34.3  # time constant [fit]
_SLOWER_S: Final = 334.0  # time constant [fit]

I3_60AH: Final = Parameters(
    cell=Cell(
        # quartiles over 43 long trips 61.70 and 61.75 [fit]
        capacity_ah=61.72,
        ocv=(
            # The trips cover 15 to 88 % [fit]. The ends are the middle of what is plausible, 2.7 to 3.4 and
            # 4.11 to 4.15 V [chosen].
            (0.0, 3.05),
            (12.0, 3.4863),
            (16.0, 3.5576),
            (20.0, 3.6285),
            (25.0, 3.7069),
            (30.0, 3.7695),
            (35.0, 3.8160),
            (40.0, 3.8489),
            (45.0, 3.8725),
            (50.0, 3.8897),
            (55.0, 3.9159),
            (60.0, 3.9416),
            (65.0, 3.9729),
            (70.0, 4.0096),
            (75.0, 4.0337),
            (80.0, 4.0556),
            (85.0, 4.0802),
            (90.0, 4.1059),
            (100.0, 4.13),
        ),
        entropic=_ENTROPIC,
        # All [fit], except that the activation of the ohmic part was fixed at that of electrolytes.
        ohmic=Resistance(0.615e-3, 10.0e3),
        transfer=Resistance(0.087e-3, _TRANSFER),
        pairs=(
            # The double layer, with the activation of charge transfer; then the two pairs of a usual model
            # [fit].
            Pair(Resistance(0.058e-3, _TRANSFER), 0.464),
            Pair(Resistance(0.649e-3, 6.9e3), _FASTER_S),
            Pair(Resistance(0.539e-3, 23.8e3), _SLOWER_S),
        ),
        voltage_min=2.700,  # [emulator]
        voltage_max=4.110,  # [emulator]
        reading=((40.0, 0.90e-3), (80.0, 0.27e-3)),  # [fit]
    ),
    # window from 0x432 [can], except that its upper end is the fullest start of the trips [fit]
    limits=PackLimits(window=(8.0, 88.5)),
    dashboard=Dashboard(
        window=(8.0, 85.0),  # its upper end is 81.5 to 90, by car and age [can]
        display=((6.9, 0.0), (85.2, 100.0)),  # 1.277 SoC - 8.8, within 1.8 points over two cars [can]
        voltages=(259.4, 394.5),  # the upper 393.6 to 395.5 [can]
    ),
    thermal=Thermal(heat_capacity=178e3),  # with the entropic heat, which a plain 228e3 leaves out [fit]
)

_ACTIVATION: Final = 21.3e3  # J/mol, 5 to 35 degC [lab]
_NO_TRANSFER: Final = Resistance(0.0, 0.0)  # in the larger cells it is not distinguished from the ohmic part

I3_94AH: Final = Parameters(
    cell=Cell(
        # 94 Ah for 100 % of the lab's SoC. A BMS per cent is 1.162 of the lab's: four rests of cars [lab,
        # uds].
        capacity_ah=94.0 * 1.162,
        ocv=(
            (0.9, 3.229),
            (5.2, 3.441),
            (9.5, 3.474),
            (13.8, 3.520),
            (18.1, 3.566),
            (22.4, 3.596),
            (26.7, 3.614),
            (31.0, 3.629),
            (35.3, 3.644),
            (39.6, 3.660),
            (43.9, 3.680),
            (48.2, 3.709),
            (52.5, 3.754),
            (56.8, 3.789),
            (61.1, 3.826),
            (65.4, 3.868),
            (69.8, 3.912),
            (74.1, 3.960),
            (78.4, 4.013),
            (82.7, 4.071),
            (87.0, 4.144),
        ),  # [lab], put at (lab % + 1.05) / 1.162 of the BMS
        entropic=_ENTROPIC,
        # 0.69 to 0.73 mohm in all [lab], divided as in the 120 Ah cell [chosen]
        ohmic=Resistance(0.48e-3, _ACTIVATION),
        transfer=_NO_TRANSFER,
        # the time constants of both larger cells are those of the 60 Ah cell [chosen: nothing is published]
        pairs=(
            Pair(Resistance(0.12e-3, _ACTIVATION), _FASTER_S),
            Pair(Resistance(0.12e-3, _ACTIVATION), _SLOWER_S),
        ),
        voltage_min=2.700,  # [emulator]
        voltage_max=4.140,  # [emulator]
    ),
    limits=PackLimits(window=(11.0, 87.1)),  # [uds]
    dashboard=Dashboard(
        window=(11.0, 87.1),  # [uds]
        display=((11.0, 0.0), (87.1, 100.0)),  # the window, stretched, as that of the 120 Ah car is [chosen]
        voltages=(259.4, 397.4),  # as the 60 Ah pack, and 96 cells at their highest [chosen]
    ),
    thermal=Thermal(heat_capacity=96 * 2.1 * 1000.0),  # 2.1 kg a cell, 1000 J/kgK [lab]
)

I3_120AH: Final = Parameters(
    cell=Cell(
        capacity_ah=129.5,  # 1.294 to 1.300 Ah per % in five logs [can]
        ocv=(
            # The 94 Ah cell's shape, stretched by 1 / 0.923 below and above what is known, and upwards to
            # 4.20 V at 94.5 % [chosen: no data].
            (0.0, 2.90),
            (7.0, 3.229),
            (11.6, 3.441),
            (16.2, 3.474),
            (20.8, 3.520),
            (25.4, 3.566),
            (30.1, 3.596),
            (34.7, 3.614),
            (39.3, 3.629),
            # The BMS's own estimate, 0x432 "target voltage" [can].
            (41.6, 3.6365),
            (43.5, 3.644),
            (45.35, 3.651),
            (48.5, 3.669),
            (50.0, 3.679),
            (54.2, 3.721),
            (57.6, 3.758),
            (62.2, 3.798),
            (66.8, 3.840),
            (71.4, 3.887),
            (76.0, 3.937),
            (80.7, 3.992),
            (85.3, 4.052),
            (89.9, 4.117),
            (94.5, 4.200),
        ),
        entropic=_ENTROPIC,
        ohmic=Resistance(0.59e-3, _ACTIVATION),  # 0.55 mohm at 28 degC, steps of 125 A within 50 ms [can]
        transfer=_NO_TRANSFER,
        # 0.77 to 0.87 mohm in all at about 33 degC in DC charging [can], shared equally [chosen]
        pairs=(
            Pair(Resistance(0.19e-3, _ACTIVATION), _FASTER_S),
            Pair(Resistance(0.19e-3, _ACTIVATION), _SLOWER_S),
        ),
        voltage_min=2.790,  # [emulator]
        voltage_max=4.210,  # [emulator]
    ),
    limits=PackLimits(window=(10.5, 94.5)),  # 0x432 [can]
    dashboard=Dashboard(
        window=(10.5, 94.5),
        display=((10.5, 0.0), (94.5, 100.0)),  # within 0.5 % [can]
        voltages=(260.0, 403.0),  # 259.4 to 261, and 402.8 to 403.1 [can]
    ),
    thermal=Thermal(heat_capacity=96 * 2.2 * 1000.0),  # 2.2 kg a cell [batterydesign], 1000 J/kgK [lab]
)

VARIANTS: Final[Mapping[str, Parameters]] = {"i3-60ah": I3_60AH, "i3-94ah": I3_94AH, "i3-120ah": I3_120AH}
"""The packs by their names on the command line."""
