"""Values of signals that lie in a frame together, and what is marked of them."""

import math

import numpy as np
import pytest

from telemetry.domain.can.bits import Block, Field
from telemetry.domain.can.page import Page
from telemetry.domain.can.part import Mark, Part, fault
from telemetry.domain.can.scaling import Signal
from tests.can_outcomes import Decoded, outcomes

FINE, OUTSIDE, UNAVAILABLE, ERROR, IMPOSSIBLE = Mark


def page(*signals: Signal) -> Page:
    return Page([(signal, Field(8 * place, 8)) for place, signal in enumerate(signals)])


def test_values_that_are_all_fine_have_no_marks():
    values, marks = page(Signal("a", 8), Signal("b", 8, scaling=(0.5, 0))).decode(
        Block.of([b"\1\2", b"\3\4"])
    )
    assert values.tolist() == [[1, 3], [1, 2]]
    assert marks is None
    assert list(Part(np.arange(2), ["a", "b"], values).marked()) == []


def test_a_value_outside_its_stated_range_is_marked_and_kept():
    values, marks = page(Signal("a", 8, limits=(2, 9))).decode(Block.of([b"\1", b"\2", b"\x09", b"\x0a"]))
    assert values.tolist() == [[1, 2, 9, 10]]
    assert marks is not None
    assert marks.tolist() == [[OUTSIDE, FINE, FINE, OUTSIDE]]


def test_a_value_that_is_physically_impossible_is_left_out_and_its_neighbours_stay():
    signals = page(Signal("battery_soc", 8, limits=(0, 250)), Signal("speed", 8))
    values, marks = signals.decode(Block.of([b"\x64\7", b"\x65\7", b"\xff\7"]))
    assert values.tolist() == [pytest.approx([100, math.nan, math.nan], nan_ok=True), [7, 7, 7]]
    assert marks is not None
    assert marks.tolist() == [[FINE, IMPOSSIBLE, UNAVAILABLE], [FINE] * 3]


def test_a_min_above_its_max_is_impossible_and_both_are_left_out():
    signals = page(Signal("cell_temp_min", 8), Signal("cell_temp_max", 8), Signal("cell_mod_min", 8))
    values, marks = signals.decode(Block.of([b"\3\3\1", b"\4\3\1", b"\xc9\3\1"]))
    assert marks is not None
    assert marks.T.tolist() == [[FINE] * 3, [IMPOSSIBLE, IMPOSSIBLE, FINE], [IMPOSSIBLE, FINE, FINE]]
    assert np.isnan(values).T.tolist() == [[False] * 3, [True, True, False], [True, False, False]]


def test_a_fault_that_the_sender_reports_is_told_from_what_is_not_available():
    _, marks = page(Signal("a", 8, is_j1939=True)).decode(Block.of([b"\xfa", b"\xfb", b"\xfe", b"\xff"]))
    assert marks is not None
    assert marks.tolist() == [[FINE, UNAVAILABLE, ERROR, UNAVAILABLE]]


def test_each_frame_of_a_part_has_an_outcome_that_names_what_is_left_out_or_odd():
    values = np.array([[1.0, math.nan], [2.0, math.nan], [3.0, math.nan], [4.0, 8.0]])
    marks = np.array([[FINE, UNAVAILABLE], [FINE, ERROR], [FINE, IMPOSSIBLE], [FINE, OUTSIDE]], np.uint8)
    part = Part(np.arange(2), ["a", "b", "c", "d"], values, marks, is_short=True)
    assert outcomes(part) == [
        Decoded({"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}, is_short=True),
        Decoded({"d": 8.0}, ("a",), True, ("b",), ("c",), ("d",)),  # noqa: FBT003  # in the order of its fields
    ]


def test_frames_with_a_fault_have_no_other_outcome():
    assert outcomes(fault(np.arange(2), "too short")) == ["too short", "too short"]
