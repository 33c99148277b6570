"""The values of CAN signals."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telemetry.domain.can.scaling import Signal

DECI = (0.1, 0)


@pytest.mark.parametrize(
    ("bits", "limits"),
    [
        (16, (0, 819)),
        (12, (0, 409.4)),
        (8, (0, 25)),
        (2, (0, 0.2)),
        (16, None),
        (8, None),
    ],
)
def test_all_ones_are_not_available_outside_the_range_or_without_one_from_a_byte_on(bits, limits):
    signal = Signal("s", bits, scaling=DECI, limits=limits)
    assert signal.value(2**bits - 1) is None
    assert signal.value(2**bits - 2) == (2**bits - 2) / 10


@pytest.mark.parametrize(
    ("bits", "limits"),
    [
        (16, (0, 6553.5)),
        (12, (0, 409.5)),  # 4095 x 0.1 is a bit more, as floats are
        (8, (0, 100)),
        (2, (0, 3)),
        (7, None),
        (2, None),
        (1, None),
        (1, (0, 0)),
    ],
)
def test_all_ones_are_a_value_inside_the_range_and_without_one_in_a_narrow_field(bits, limits):
    assert Signal("s", bits, scaling=DECI, limits=limits).value(2**bits - 1) == (2**bits - 1) / 10


def test_minus_one_in_a_signed_field_is_a_value():
    assert Signal("s", 16, "signed", limits=(0, 10)).value(-1) == -1


def test_a_float_keeps_its_decimals_and_is_not_available_if_it_is_not_finite():
    signal = Signal("s", 32, "float", limits=(0, 1))
    assert signal.value(0.123456789) == 0.123456789
    assert signal.value(2**32 - 1) == 2**32 - 1
    assert signal.value(math.nan) is None
    assert signal.value(-math.inf) is None


@given(
    st.integers(-(2**31), 2**32 - 2),
    st.sampled_from([0.1, 0.5, 0.015625, 0.02, 1, 4, -0.25, 1e-7, 1000.0]),
    st.sampled_from([0, -819.2, -50, 0.05]),
)
@example(8192, 0.1, -819.2)
def test_a_value_is_the_decimal_number_that_scale_and_offset_make(raw, scale, offset):
    value = Signal("s", 64, "signed", (scale, offset)).value(raw)
    assert value == float(Decimal(repr(scale)) * raw + Decimal(repr(offset)))
    assert isinstance(value, float)


def test_a_value_that_is_rounded_to_nothing_has_no_sign():
    signal = Signal("s", 16, scaling=(0.1, -0.3))
    assert math.copysign(1, signal.value(3) or 0.0) == 1


def test_a_scale_that_is_no_number_makes_a_value_that_is_not_available():
    assert Signal("s", 4, scaling=(math.inf, 0)).value(1) is None


@pytest.mark.parametrize(
    ("bits", "kind", "scaling"),
    [
        (12, "unsigned", (0.1, 0)),
        (16, "signed", (0.015625, -819.2)),
        (64, "unsigned", (0.1, 0)),  # which no float64 holds exactly
        (64, "signed", (1e300, 0)),
        (4, "unsigned", (math.inf, 0)),
        (32, "float", (2, 0.5)),
    ],
)
def test_many_values_are_what_each_is_alone(bits, kind, scaling):
    signal = Signal("s", bits, kind, scaling)
    raw = {
        "unsigned": np.array([0, 1, 2 ** (bits - 1), 2**bits - 2, 2**bits - 1], np.uint64),
        "signed": np.array([0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))], np.int64),
        "float": np.array([0.0, 0.1, -1e300, math.inf, math.nan]),
    }[kind]
    alone = [signal.value(each) for each in raw.tolist()]
    together = signal.values(raw).tolist()
    assert [None if math.isnan(each) else each for each in together] == alone


@given(st.integers(0, 4094), st.sampled_from([(0.1, -819.2), (0.02, 0), (-3, 5), (1e-7, 0)]))
def test_a_value_is_made_of_the_raw_one_that_it_is_made_into(raw, scaling):
    signal = Signal("s", 12, scaling=scaling)
    assert signal.raws(signal.values(np.array([raw], np.uint64))).tolist() == [raw]
    assert signal.raws(np.array([math.nan])).tolist() == [4095]


def test_all_ones_that_are_named_as_a_state_are_a_value():
    assert Signal("s", 8, states={255: "on"}).value(255) == 255
    assert Signal("s", 8, limits=(0, 3), states={255: "on"}).value(255) == 255
    assert Signal("s", 8, states={254: "on"}).value(255) is None


def test_a_signal_of_j1939_has_errors_and_others_have_none():
    raw = np.array([0xFA, 0xFB, 0xFE, 0xFF], np.uint64)
    speed = Signal("s", 8, states={0xFB: "boost"}, is_j1939=True)
    assert speed.values(raw).tolist() == pytest.approx([250, 251, math.nan, math.nan], nan_ok=True)
    errors = speed.errors(raw)
    assert errors is not None
    assert errors.tolist() == [False, False, True, False]
    assert Signal("s", 8).errors(raw) is None
    assert Signal("s", 8, "signed", is_j1939=True).errors(raw.astype(np.int64)) is None


def test_what_is_not_available_is_sent_as_all_ones_and_no_other_absent_value_is_sent():
    speed = Signal("s", 8, is_j1939=True)
    assert speed.raws(np.array([250.0, math.nan])).tolist() == [250, 255]
    with pytest.raises(ValueError, match="no raw value for 251"):
        speed.raws(np.array([251.0]))
