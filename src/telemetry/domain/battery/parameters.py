"""The figures of the BMW i3 60 Ah pack, each with its unit and its source.

Sources, by their mark in the comments:

- [fit] least squares over 37 trips of one BMW i3 60 Ah (Steinstraeter, Buberger, Trifonov, "Battery and Heating
  Data in Real Driving Cycles", IEEE DataPort 2020, doi 10.21227/6jr9-5235), or a figure taken from them.
- [can] read from PT-CAN logs of i3 cars (damienmaguire/BMW-i3-CCS).
- [uds] read from the answers of i3 battery ECUs (OBDb/BMW-i3).
- [emulator] stated by dalathegreat/Battery-Emulator.
- [chosen] not measured; the comment says why this value.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one nominal cell does; resistances hold at 25 degC."""

    # Ah per 100 % of the BMS's SoC; quartiles over 43 long trips 61.70 and 61.75 [fit]
    capacity_ah: float = 61.72
    # %, V: knots of the OCV curve, linear between them, 15 to 90 % [fit]; the trips cover 15 to 88 %, so the ends are
    # the middle of what is plausible, 2.7 to 3.4 V and 4.11 to 4.15 V [chosen]
    ocv: tuple[tuple[float, float], ...] = (
        (0.0, 3.05),
        (15.0, 3.578),
        (20.0, 3.659),
        (25.0, 3.722),
        (30.0, 3.780),
        (35.0, 3.805),
        (40.0, 3.843),
        (45.0, 3.863),
        (50.0, 3.879),
        (55.0, 3.909),
        (60.0, 3.931),
        (65.0, 3.966),
        (70.0, 4.005),
        (75.0, 4.030),
        (80.0, 4.052),
        (85.0, 4.076),
        (90.0, 4.102),
        (100.0, 4.13),
    )
    # ohm, at once [fit]
    r0_ohm: float = 0.717e-3
    # ohm and s, the faster of the two RC pairs of the fit [fit]
    r1_ohm: float = 0.561e-3
    tau1_s: float = 28.2
    # V, the BMS's limits for one cell [emulator]
    voltage_min: float = 2.700
    voltage_max: float = 4.110


@dataclass(frozen=True, slots=True)
class Structure:
    """How the cells are built into a pack."""

    # all in series [uds DF71]
    modules: int = 8
    cells_per_module: int = 12
    # A, what the pack allows at most: 0x2F5 [can]
    current_min: float = -409.0
    current_max: float = 240.0

    @property
    def cells(self) -> int:
        """Count the cells of the pack."""
        return self.modules * self.cells_per_module


@dataclass(frozen=True, slots=True)
class Thermal:
    """How the pack stores heat and loses it, all modules together."""

    # J/K; 247e3 from winter trips alone [fit]
    heat_capacity: float = 228e3
    # W/K; the fit sees 0 to 10 only weakly [chosen: the upper end, because no active cooling is modelled]
    loss: float = 10.0


@dataclass(frozen=True, slots=True)
class Variance:
    """How packs differ from each other, and cells within a pack; sigmas are of normal distributions."""

    # share of the nominal capacity; 0.31 % over 161 snapshots [uds]
    capacity_sigma: float = 0.003
    # share of the nominal resistance; 1.9 % apparent over 161 snapshots [uds]
    resistance_sigma: float = 0.02
    # percentage points around the pack's own start SoC [chosen: extreme cells lie about 1.25 apart, 1.28 in uds]
    soc_sigma: float = 0.25
    # share of each variance that the cells of one module have in common [chosen: published nowhere]
    module_share: float = 0.5
    # K between the warmest and the coldest module; 5th and 95th percentile [uds]
    temperature_spread: tuple[float, float] = (0.4, 4.0)
    # %, pack SoC at the start [chosen: within the 15 to 88 % that the trips cover]
    start_soc: tuple[float, float] = (20.0, 85.0)
    # degC around the pack, which starts as warm as its surroundings [chosen: trips had packs of -1 to 33 degC]
    ambient: tuple[float, float] = (0.0, 30.0)


@dataclass(frozen=True, slots=True)
class Parameters:
    """All figures of one kind of pack."""

    cell: Cell = Cell()
    structure: Structure = Structure()
    thermal: Thermal = Thermal()
    variance: Variance = Variance()


I3_60AH: Final = Parameters()
