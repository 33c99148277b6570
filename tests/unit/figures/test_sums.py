"""Sums that are exact: rounded once, whatever the numbers are and however they are split."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telemetry.domain.figures import sums
from telemetry.domain.figures.sums import Sums

HUGE = 1.7976931348623157e308
LEAST = 5e-324
FINITE = st.floats(allow_nan=False, allow_infinity=False)
MEASURED = st.integers(-500_000, 500_000).map(lambda number: number / 1000)
ENDS = st.sampled_from(
    [HUGE, -HUGE, HUGE / 3, LEAST, -LEAST, 1e-300, 1.0, -1.0, 0.1, 0.0, 2.0**900, 2.0**-800]
)
NUMBERS = st.lists(st.one_of(MEASURED, FINITE, ENDS), min_size=1, max_size=40)


def sums_of(numbers: list[float], starts: list[int] | None = None) -> Sums:
    return Sums.of(np.array([numbers]), np.array(starts or [0]))


def mean_of(numbers: list[float]) -> float:
    (mean,) = sums_of(numbers).means(np.array([len(numbers)]))
    return mean


def rounded_once(numbers: list[float]) -> float:
    """Return the mean of the sum, rounded once, in another way."""
    try:
        return float(sum(map(Fraction, numbers))) / len(numbers)
    except OverflowError:
        spare = len(numbers).bit_length()
        return float(sum(map(Fraction, numbers)) / 2**spare) / len(numbers) * 2.0**spare


@given(NUMBERS)
@example([HUGE] * 40)
@example([HUGE, HUGE, -HUGE, -HUGE, LEAST])
@example([LEAST] * 3)
@example([1e16, 1.0, -1e16])
@example([2.0**900, 2.0**-800, -(2.0**900)])
def test_a_sum_is_exact_and_rounded_once(numbers):
    assert mean_of(numbers) == rounded_once(numbers)


@given(st.lists(MEASURED, min_size=1, max_size=60))
def test_sums_are_those_of_fsum(numbers):
    assert mean_of(numbers) == math.fsum(numbers) / len(numbers)


@given(NUMBERS, NUMBERS, st.data())
def test_no_place_of_a_split_changes_a_sum(numbers, others, data):
    whole = [*numbers, *others]
    cut = data.draw(st.integers(1, len(whole) - 1))
    parts = Sums.concatenate([sums_of(whole[:cut]), sums_of(whole[cut:])]).add_up(np.array([0]))
    assert parts.means(np.array([len(whole)])) == [mean_of(whole)]


@given(NUMBERS, NUMBERS)
def test_each_row_and_each_segment_has_a_sum_of_its_own(numbers, others):
    values = np.array([[*numbers, *others], [*(-each for each in numbers), *others]])
    found = Sums.of(values, np.array([0, len(numbers)]))
    counts = np.array([len(numbers), len(others)] * 2)
    mean, other = mean_of(numbers), mean_of(others)
    assert found.means(counts) == [mean, other, -mean, other]
    assert found.take(np.array([3, 0])).means(counts[[3, 0]]) == [other, mean]


@given(NUMBERS)
def test_segments_that_are_too_long_for_floats_are_cut(numbers):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums, "_MOST", 3)
        assert mean_of(numbers) == rounded_once(numbers)


def test_a_million_values_of_one_segment_are_added_exactly():
    values = np.tile([0.1, 1e15, -1e15], 1 << 19)
    (mean,) = Sums.of(values[np.newaxis], np.array([0])).means(np.array([values.size]))
    assert mean == float(Fraction(0.1) * (1 << 19)) / values.size


def test_zeros_need_no_limb():
    assert len(sums_of([0.0, 0.0]).limbs) == 0
    assert mean_of([0.0, 0.0]) == 0.0
    assert Sums.concatenate([sums_of([0.0]), sums_of([2.5])]).means(np.array([1, 1])) == [0.0, 2.5]
    assert Sums.concatenate([sums_of([0.0])]).means(np.array([1])) == [0.0]
