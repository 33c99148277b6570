"""What a kind of pack is described by, each figure with its unit; the kinds themselves are in `variants`.

Sources, by their mark in the comments:

- [fit] least squares over 36 trips of one BMW i3 60 Ah (Steinstraeter, Buberger, Trifonov, "Battery and Heating
  Data in Real Driving Cycles", IEEE DataPort 2020, doi 10.21227/6jr9-5235), or a figure taken from them.
- [can] read from PT-CAN logs of i3 cars (damienmaguire/BMW-i3-CCS).
- [uds] read from the answers of i3 battery ECUs (OBDb/BMW-i3).
- [lab] lab tables of the Samsung SDI 94 Ah cell (SimSES 1.3.12, TUM EES).
- [emulator] stated by dalathegreat/Battery-Emulator.
- [pushevs], [batterydesign] stated by those sites.
- [chosen] not measured; the comment says why this value.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Knots: TypeAlias = tuple[tuple[float, float], ...]
"""Points (x, y) of a curve that is linear between them and constant outside; x rises."""


@dataclass(frozen=True, slots=True)
class Resistance:
    """A resistance that follows Arrhenius' law."""

    ohm: float  # of one cell at 25 degC
    activation: float  # J/mol


@dataclass(frozen=True, slots=True)
class Pair:
    """A resistor and a capacitor side by side."""

    resistance: Resistance
    tau_s: float


@dataclass(frozen=True, slots=True)
class Cell:
    """What one nominal cell does. Its SoC is the BMS's, of which a car uses a window only.

    R0 is `ohmic` in series with `transfer`, the charge transfer at the electrodes, which Butler and Volmer let grow
    less than in proportion to the current; for small currents it is a resistance as any other.
    """

    capacity_ah: float  # Ah per 100 % of SoC
    ocv: Knots  # %, V at 25 degC
    entropic: Knots  # %, V/K: by how much the OCV rises with temperature
    ohmic: Resistance
    transfer: Resistance
    pairs: tuple[Pair, ...]
    voltage_min: float  # V
    voltage_max: float  # V
    # %, V/K: by how much more the voltage at a SoC that the BMS tells rises with temperature than the OCV does; it
    # comes without heat, as a SoC that is read differently in the cold would
    reading: Knots = ((0.0, 0.0),)


@dataclass(frozen=True, slots=True)
class Structure:
    """How the cells are built into a pack."""

    # all in series [uds DF71]
    modules: int = 8
    cells_per_module: int = 12

    @property
    def cells(self) -> int:
        """Count the cells of the pack."""
        return self.modules * self.cells_per_module


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What the BMS lets the pack carry."""

    # %: the SoC that a driver sees as 0 and as 100
    window: tuple[float, float]
    # A, at most: 0x2F5 [can]
    discharge: float = -409.0
    charge: float = 240.0
    # degC, A: highest recuperation seen on the trips by battery temperature, with 33 A at -1 and 140 A at 12 degC
    # [fit]; nothing is known below, where charging is to end as plating begins, nor above 50 degC [chosen]
    charge_by_temperature: Knots = (
        (-20.0, 0.0),
        (-10.0, 10.0),
        (0.0, 33.0),
        (4.0, 58.0),
        (8.0, 105.0),
        (12.0, 145.0),
        (20.0, 240.0),
        (45.0, 240.0),
        (55.0, 0.0),
    )
    # degC, A: -251 A were drawn at -1 degC, -400 A at 10 degC [fit]; beyond [chosen]
    discharge_by_temperature: Knots = (
        (-30.0, -60.0),
        (-10.0, -180.0),
        (0.0, -260.0),
        (10.0, -409.0),
        (45.0, -409.0),
        (60.0, 0.0),
    )
    # percentage points before either end of the window within which the current fades to nothing; 271 A were still
    # drawn at 16 % [fit], so it is below that [chosen]
    fade: tuple[float, float] = (4.0, 2.0)
    # s ahead in which a steady current may not lead a cell beyond its voltages [chosen: the longest step]
    horizon_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What the BMS tells of itself on the bus, and the driver sees."""

    window: tuple[float, float]  # %, the SoC that the car uses: 0x432
    display: Knots  # %, %: the SoC that is shown
    voltages: tuple[float, float]  # V, down to which and up to which the pack may go: 0x2F5


@dataclass(frozen=True, slots=True)
class Thermal:
    """How the pack stores heat and loses it, all modules together unless said."""

    heat_capacity: float  # J/K
    # W/K to the surroundings, modules equally; 6.0 from the same fit as the heat capacity, weakly seen [fit]
    loss: float = 6.0
    # W/K between neighbouring modules [chosen: less than to the surroundings, as observed spreads last for hours]
    conduction: float = 0.5
    # degC of the refrigerant in the pack's floor; the heat exchanger was at 17 to 20 in DC charging [can]
    coolant: float = 18.0
    # W/K to it once in full use [chosen: carries off the 1.7 kW of 125 A DC charging at 30 degC]
    cooling: float = 140.0
    # degC of a module at which cooling starts and at which it is in full use; cells were at 32 to 35 [can]
    cooling_range: tuple[float, float] = (28.0, 33.0)


@dataclass(frozen=True, slots=True)
class Variance:
    """How packs differ from each other, and cells within a pack; sigmas are of normal distributions."""

    # share of the nominal capacity, when new and at 77 % health; 161 and 31 snapshots [uds]
    capacity_sigma: float = 0.0031
    capacity_sigma_aged: float = 0.011
    # share of the nominal resistance; 1.9 % apparent over 161 snapshots [uds]
    resistance_sigma: float = 0.019
    # percentage points around the pack's own start SoC [chosen: extreme cells lie 1.0 apart, which gives 7 mV at
    # rest; read were 1.28, but 5 mV too, of cells with a flatter OCV (uds)]
    soc_sigma: float = 0.2
    # share of each variance that the cells of one module have in common [chosen: published nowhere]
    module_share: float = 0.5
    # K between the warmest and the coldest module; 5th and 95th percentile [uds]
    temperature_spread: tuple[float, float] = (0.4, 4.0)
    # share of vehicles, %: below which pack SoC they start; quantiles over the trips, but for the lowest [fit]
    start_soc: Knots = ((0.0, 20.0), (0.1, 49.0), (0.25, 67.0), (0.5, 75.0), (0.75, 83.0), (1.0, 87.0))
    # share of vehicles, degC around the pack, which starts as warm as its surroundings; in the same way [fit]
    ambient: Knots = ((0.0, -1.0), (0.25, 6.0), (0.5, 17.5), (0.75, 21.5), (0.9, 24.0), (1.0, 33.0))


@dataclass(frozen=True, slots=True)
class Parameters:
    """All figures of one kind of pack."""

    cell: Cell
    limits: BatchLimits
    dashboard: Dashboard
    thermal: Thermal
    structure: Structure = Structure()
    variance: Variance = Variance()
