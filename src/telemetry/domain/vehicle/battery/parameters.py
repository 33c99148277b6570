"""The figures that describe a variant of the pack, each with its unit. The variants are in `variants`.

Sources, by their mark in the comments:

- [fit] least squares over 36 trips of one BMW i3 60 Ah (Steinstraeter, Buberger, Trifonov, "Battery and
  Heating Data in Real Driving Cycles", IEEE DataPort 2020, doi 10.21227/6jr9-5235), or a figure taken from
  them.
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
    """A resistor and a capacitor in parallel."""

    resistance: Resistance
    tau_s: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One nominal cell. Its SoC is that of the BMS; a car uses a window of it only.

    R0 is `ohmic` in series with `transfer`, the charge transfer at the electrodes. By Butler and Volmer's
    equation the voltage over `transfer` grows less than in proportion to the current. For small currents it
    is an ordinary resistance.
    """

    capacity_ah: float  # Ah per 100 % of SoC
    ocv: Knots  # %, V at 25 degC
    entropic: Knots  # %, V/K: the slope of the OCV over temperature
    ohmic: Resistance
    transfer: Resistance
    pairs: tuple[Pair, ...]
    voltage_min: float  # V
    voltage_max: float  # V
    # %, V/K: the slope over temperature that the voltage at a SoC of the BMS has beyond the OCV's. It makes
    # no heat, as if the BMS read the SoC differently in the cold.
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
class PackLimits:
    """The currents that the BMS allows."""

    # %: the SoC that a driver sees as 0 and as 100
    window: tuple[float, float]
    # A, at most: 0x2F5 [can]
    discharge: float = -409.0
    charge: float = 240.0
    # degC, A: highest recuperation seen on the trips by battery temperature, with 33 A at -1 and 140 A at 12
    # degC [fit]. Nothing is known above 50 degC, nor below -1 degC, where charging must end as plating begins
    # [chosen].
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
    # degC, A: -251 A were drawn at -1 degC, -400 A at 10 degC [fit]; beyond these [chosen]
    discharge_by_temperature: Knots = (
        (-30.0, -60.0),
        (-10.0, -180.0),
        (0.0, -260.0),
        (10.0, -409.0),
        (45.0, -409.0),
        (60.0, 0.0),
    )
    # percentage points before either end of the window within which the current falls to nothing. 271 A were
    # still drawn at 16 % [fit], so the lower range ends below that [chosen].
    fade: tuple[float, float] = (4.0, 2.0)
    # time within which a steady current may not lead a cell beyond its voltages [chosen: the longest step]
    horizon_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What the BMS sends about itself on the bus, and what the driver sees."""

    window: tuple[float, float]  # %, the SoC that the car uses: 0x432
    display: Knots  # %, %: the SoC that is shown
    voltages: tuple[float, float]  # V, the lowest and the highest that the pack may have: 0x2F5


@dataclass(frozen=True, slots=True)
class Thermal:
    """How the pack stores heat and loses it; figures are of all modules together unless stated otherwise."""

    heat_capacity: float  # J/K
    # W/K to the surroundings, modules equally; 6.0 from the fit of the heat capacity, weakly determined [fit]
    loss: float = 6.0
    # W/K between neighbouring modules [chosen: less than to the surroundings, because observed spreads last
    # for hours]
    conduction: float = 0.5
    # degC of the refrigerant in the pack's floor; the heat exchanger was at 17 to 20 in DC charging [can]
    coolant: float = 18.0
    # W/K to the refrigerant in full use [chosen: takes the 1.7 kW of 125 A DC charging at 30 degC]
    cooling: float = 140.0
    # degC of a module at which cooling starts, and at which it is in full use; cells were at 32 to 35 [can]
    cooling_range: tuple[float, float] = (28.0, 33.0)


@dataclass(frozen=True, slots=True)
class Variance:
    """How packs differ from each other, and cells within a pack; sigmas are of normal distributions."""

    # share of the nominal capacity, when new and at 77 % health; 161 and 31 snapshots [uds]
    capacity_sigma: float = 0.0031
    capacity_sigma_aged: float = 0.011
    # share of the nominal resistance; 1.9 % apparent over 161 snapshots [uds]
    resistance_sigma: float = 0.019
    # percentage points around the pack's own start SoC [chosen: extreme cells lie 1.0 apart, which gives 7 mV
    # at rest; in cells with a flatter OCV, 1.28 were read, and 5 mV (uds)]
    soc_sigma: float = 0.2
    # share of each variance that the cells of one module have in common [chosen: no source publishes it]
    module_share: float = 0.5
    # K between the warmest and the coldest module; 5th and 95th percentile [uds]
    temperature_spread: tuple[float, float] = (0.4, 4.0)
    # share of vehicles, %: the pack SoC below which they start. All but the lowest are quantiles over the
    # trips [fit].
    start_soc: Knots = ((0.0, 20.0), (0.1, 49.0), (0.25, 67.0), (0.5, 75.0), (0.75, 83.0), (1.0, 87.0))
    # share of vehicles, degC around the pack, which starts as warm as its surroundings; quantiles too [fit]
    ambient: Knots = ((0.0, -1.0), (0.25, 6.0), (0.5, 17.5), (0.75, 21.5), (0.9, 24.0), (1.0, 33.0))


@dataclass(frozen=True, slots=True)
class Parameters:
    """All figures of one variant of the pack."""

    cell: Cell
    limits: PackLimits
    dashboard: Dashboard
    thermal: Thermal
    structure: Structure = Structure()
    variance: Variance = Variance()
