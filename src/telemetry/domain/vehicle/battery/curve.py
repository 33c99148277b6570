"""Curves through knots, evaluated for a whole fleet at once."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from telemetry.domain.vehicle.battery.parameters import Floats, Knots

_PER_PERCENT: Final = 20
"""Pieces of a curve over SoC in one per cent: all knots lie on ends of pieces, so none is rounded off."""


@dataclass(frozen=True, slots=True, eq=False)
class SocCurve:
    """A curve over SoC, 0 to 100 %, as straight pieces of equal width.

    A value takes two look-ups, where a search takes ten.
    """

    intercept: Floats  # (pieces + 1,)
    slope: Floats  # (pieces + 1,), per per cent

    def at(self, soc: Floats) -> Floats:
        """Return the values at `soc`, any shape, each from 0 to 100 %."""
        piece = (soc * _PER_PERCENT).astype(np.int32)
        value: Floats = self.slope.take(piece)
        value *= soc
        value += self.intercept.take(piece)
        return value


@lru_cache
def over_soc(knots: Knots) -> SocCurve:
    """Cut a curve through knots, x in %, into equal pieces."""
    ends = np.arange(100 * _PER_PERCENT + 1) / _PER_PERCENT
    values = along(knots, ends)
    slope = np.append(np.diff(values) * _PER_PERCENT, 0.0)
    return SocCurve(intercept=values - slope * ends, slope=slope)


def along(knots: Knots, where: Floats) -> Floats:
    """Return the values at `where`, any shape, of a curve through knots."""
    x, y = _columns(knots)
    return np.interp(where, x, y)


@lru_cache
def _columns(knots: Knots) -> tuple[Floats, Floats]:
    columns = np.array(knots, dtype=np.float64)
    return columns[:, 0], columns[:, 1]
