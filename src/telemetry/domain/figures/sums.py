"""Exact sums of many numbers at once, which no order of adding and no place of a split can change.

A float is a whole number times a power of two. So a sum is kept as whole numbers, its *limbs*: limb `j`
counts units of `2 ** (32 * j - 20)`. A value is cut into limbs by rounding: adding a large power of two and
subtracting it again leaves the nearest multiple of a unit, and what remains is exact (Rump, Ogita and Oishi,
2008, "Accurate floating-point summation"). Limbs of 64 bits have room for 2 ** 31 values. Only at the end is
a sum rounded, once. With the offset of 20 bits most measured values have two or three limbs.
"""

import math
from collections.abc import Sequence
from typing import Final, Self

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_BITS: Final = 32
_OFFSET: Final = 20
_MOST: Final = 1 << 20
"""Values of one segment that are added as floats: 2 ** 20 multiples below 2 ** 32 stay below 2 ** 53."""

_PLAIN: Final = 28
"""Limbs from -28 to 28 are within the range of floats, whatever they are."""

_FAR: Final = 4
"""Limbs by which values are moved that lie near an end of the range of floats."""
_HUGE: Final = 2.0**900
_TINY: Final = 2.0**-800
_AWAY: Final = 2.0 ** (_BITS * _FAR)


class Sums(msgspec.Struct, frozen=True, eq=False):
    """The exact sums of `n` segments: `limbs` has a row a limb, the first of which is the limb `lowest`."""

    limbs: Counts
    lowest: int = 0

    @classmethod
    def of(cls, values: Floats, starts: Counts) -> Self:
        """Add up the values of each row in segments that begin at `starts`; all rows have the same segments.

        Segments are not empty. The sums are in the order of the rows, and of the segments in each.
        """
        found: dict[int, Counts] = {}
        _cut(values, _pieces(starts, values.shape[1]), found, 0)
        if not found:
            return cls(np.zeros((0, values.shape[0] * starts.size), np.int64))
        lowest, highest = min(found), max(found)
        nothing = np.zeros((values.shape[0], starts.size), np.int64)
        rows = [found.get(limb, nothing).ravel() for limb in range(lowest, highest + 1)]
        return cls(np.array(rows), lowest)

    @classmethod
    def nothing(cls) -> Self:
        """Return no sum at all."""
        return cls(np.zeros((0, 0), np.int64))

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Put sums one behind the other."""
        parts_with_limbs = [part for part in parts if len(part.limbs)]
        lowest = min((part.lowest for part in parts_with_limbs), default=0)
        highest = max((part.lowest + len(part.limbs) for part in parts_with_limbs), default=0)
        whole = np.zeros((highest - lowest, sum(part.limbs.shape[1] for part in parts)), np.int64)
        place = 0
        for part in parts:
            first, size = part.lowest - lowest, part.limbs.shape[1]
            if len(part.limbs):
                whole[first : first + len(part.limbs), place : place + size] = part.limbs
            place += size
        return cls(whole, lowest)

    def take(self, which: Counts) -> Self:
        """Choose sums by their places."""
        return type(self)(self.limbs[:, which], self.lowest)

    def add_up(self, starts: Counts) -> Self:
        """Add the sums of segments that begin at `starts` and are not empty."""
        return type(self)(np.add.reduceat(self.limbs, starts, axis=1), self.lowest)

    def means(self, counts: Counts) -> list[float]:
        """Return each sum, rounded once, divided by its count."""
        limbs = range(self.lowest, self.lowest + len(self.limbs))
        if not limbs or limbs[0] < -_PLAIN or limbs[-1] > _PLAIN:
            return [self._mean(place, count) for place, count in enumerate(counts.tolist())]
        units = np.array([_unit(limb) for limb in limbs])[:, np.newaxis]
        high = self.limbs >> _BITS
        low = self.limbs - (high << _BITS)  # both are exact as floats
        parts = np.concatenate([low * units, high * (units * 2.0**_BITS)]).T.tolist()
        return [total / count for total, count in zip(map(math.fsum, parts), counts.tolist(), strict=True)]

    def _mean(self, place: int, count: int) -> float:
        """Divide one sum whose limbs lie near an end of the range of floats."""
        total = sum(int(limb) << (_BITS * number) for number, limb in enumerate(self.limbs[:, place]))
        exponent = _BITS * self.lowest - _OFFSET
        try:
            return _rounded(total, exponent) / count
        except OverflowError:  # the sum is beyond the range of floats, and its mean is not
            spare = count.bit_length()  # a power of two costs no digit
            return _rounded(total, exponent - spare) / count * 2.0**spare


def _cut(values: Floats, pieces: "_Pieces", found: dict[int, Counts], away: int) -> None:
    """Cut values into limbs, and add the sum of each limb to `found`, `away` limbs from where they seem."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest >= _HUGE:
        is_huge = np.abs(values) >= _HUGE
        _cut(np.where(is_huge, values, 0.0) / _AWAY, pieces, found, away + _FAR)
        values = np.where(is_huge, 0.0, values)
        largest = float(np.abs(values).max())
    while largest:
        if largest < _TINY:
            _cut(values * _AWAY, pieces, found, away - _FAR)
            return
        limb = (math.frexp(largest)[1] + _OFFSET - 1) // _BITS
        anchor = 1.5 * 2.0**52 * _unit(limb)
        nearest = (values + anchor) - anchor
        sums = pieces.add_up(nearest, _unit(limb))
        place = limb + away
        found[place] = found[place] + sums if place in found else sums
        values = values - nearest
        largest = float(np.abs(values).max())


class _Pieces(msgspec.Struct, frozen=True, eq=False):
    """Segments, cut further where they are too long to be added as floats."""

    starts: Counts
    firsts: Counts | None

    def add_up(self, multiples: Floats, unit: float) -> Counts:
        """Return how many units the multiples of each segment are."""
        sums = (np.add.reduceat(multiples, self.starts, axis=1) / unit).astype(np.int64)
        return sums if self.firsts is None else np.add.reduceat(sums, self.firsts, axis=1)


def _pieces(starts: Counts, size: int) -> _Pieces:
    if size <= _MOST:
        return _Pieces(starts, None)
    cuts = np.union1d(starts, np.arange(0, size, _MOST))
    return _Pieces(cuts, np.searchsorted(cuts, starts))


def _unit(limb: int) -> float:
    return math.ldexp(1.0, _BITS * limb - _OFFSET)


def _rounded(total: int, exponent: int) -> float:
    """Return `total * 2 ** exponent`, rounded once. Raise OverflowError beyond the range of floats."""
    return float(total << exponent) if exponent >= 0 else total / (1 << -exponent)
