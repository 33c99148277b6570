"""Which raw values say that there is no value."""

import pytest

from telemetry.domain.can import absence
from telemetry.domain.can.absence import Absence


@pytest.mark.parametrize(
    ("bits", "is_in_range", "is_value"),
    [
        (16, False, False),
        (2, False, False),
        (8, None, False),
        (16, True, True),
        (2, True, True),
        (7, None, True),
    ],
)
def test_all_ones_are_no_value_outside_the_range_or_without_one_from_a_byte_on(bits, is_in_range, is_value):
    assert absence.of_any(bits, {}, is_in_range=is_in_range) == (None if is_value else Absence(2**bits - 1))


@pytest.mark.parametrize("is_in_range", [True, False, None])
def test_a_single_bit_is_always_a_value(is_in_range):
    assert absence.of_any(1, {1: "not available"}, is_in_range=is_in_range) is None
    assert absence.of_j1939(1, {1: "not available"}) is None


@pytest.mark.parametrize("label", ["closed", "on", "Fault", "error", "SNAKE", "Snow", "available"])
@pytest.mark.parametrize("is_in_range", [True, False, None])
def test_all_ones_that_are_named_as_a_state_are_a_value_whatever_the_range_is(label, is_in_range):
    assert absence.of_any(8, {255: label}, is_in_range=is_in_range) is None


@pytest.mark.parametrize(
    "label",
    [
        "SNA",
        "invalid",
        "Not available",
        "not_available",
        "NotAvailable",
        "n/a",
        "Signal not valid",
        "unavailable",
    ],
)
@pytest.mark.parametrize("is_in_range", [True, False, None])
def test_all_ones_that_are_named_as_no_value_are_none_whatever_the_range_is(label, is_in_range):
    assert absence.of_any(4, {15: label}, is_in_range=is_in_range) == Absence(15)


@pytest.mark.parametrize(
    ("bits", "first", "errors"),
    [
        (2, 0b10, range(0b10, 0b11)),
        (3, 0b110, range(0b110, 0b111)),
        (4, 0xE, range(0xE, 0xF)),
        (8, 0xFB, range(0xFE, 0xFF)),
        (10, 0x3FB, range(0x3FE, 0x3FF)),
        (12, 0xFB0, range(0xFE0, 0xFF0)),
        (16, 0xFB00, range(0xFE00, 0xFF00)),
        (20, 0xFB000, range(0xFE000, 0xFF000)),
        (24, 0xFB0000, range(0xFE0000, 0xFF0000)),
        (32, 0xFB000000, range(0xFE000000, 0xFF000000)),
        (64, 0xFB << 56, range(0xFE << 56, 0xFF << 56)),
    ],
)
def test_in_j1939_the_highest_values_are_none_at_each_width_and_some_say_so_of_a_fault(bits, first, errors):
    assert absence.of_j1939(bits, {}) == Absence(first, errors)


def test_in_j1939_a_value_that_is_named_as_a_state_is_one():
    states = {0: "off", 0xFB: "boost", 0xFE: "Error indicator", 0xFF: "Not available", 0x100: "none"}
    assert absence.of_j1939(8, states) == Absence(0xFB, range(0xFE, 0xFF), frozenset({0xFB}))
