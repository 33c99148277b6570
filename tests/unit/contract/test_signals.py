"""What a signal may be called, and which values it may have."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract import signals
from telemetry.domain.contract.signals import KNOWN, MAX_NAME


@pytest.mark.parametrize("name", KNOWN)
def test_both_ends_of_a_range_belong_to_it(name):
    signals.check({name: float(KNOWN[name].low)})
    signals.check({name: float(KNOWN[name].high)})


@pytest.mark.parametrize("name", KNOWN)
def test_the_next_number_beyond_a_range_is_refused_by_the_name_of_its_signal(name):
    for beyond in (math.nextafter(KNOWN[name].low, -math.inf), math.nextafter(KNOWN[name].high, math.inf)):
        with pytest.raises(ValueError, match=rf"^payload\.{name}: .* is outside "):
            signals.check({name: beyond})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_known_signal_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="battery_soc"):
        signals.check({"battery_soc": value})


def test_a_reason_says_value_range_and_unit():
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # its whole text is compared
        signals.check({"battery_soc": 120.0})
    assert str(refusal.value) == "payload.battery_soc: 120 is outside 0 to 100 %"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (100.0000001, "100.0000001"),
        (math.nextafter(100, 101), "100.00000000000001"),
        (123456789.0, "123456789"),
        (1e300, "1e+300"),
        (-0.1, "-0.1"),
        (-5e-324, "-5e-324"),
    ],
)
def test_a_number_in_a_reason_is_the_number_that_was_sent(value, shown):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # its whole text is compared
        signals.check({"battery_soc": value})
    assert str(refusal.value) == f"payload.battery_soc: {shown} is outside 0 to 100 %"


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_the_numbers_in_a_reason_read_back_as_those_that_were_compared(one, other):
    low, high = min(one, other), max(one, other)
    if low < high:
        with pytest.raises(ValueError) as refusal:  # noqa: PT011  # its whole text is read
            signals.check({"a_min": high, "a_max": low})
        numbers = re.fullmatch("payload.a_min: (.*) exceeds a_max, (.*)", str(refusal.value))
        assert numbers
        assert (float(numbers[1]), float(numbers[2])) == (high, low)


def test_a_signal_that_nobody_knows_may_have_any_value():
    signals.check({"motor_rpm": -1e300, "motor_rpm2": 1e300})


@pytest.mark.parametrize("name", ["cell_voltage", "cell_temp", "motor_torque", "a_b"])
def test_a_min_may_equal_its_max_and_not_exceed_it(name):
    signals.check({f"{name}_min": 3.5, f"{name}_max": 3.5})
    with pytest.raises(ValueError, match=rf"^payload\.{name}_min: 3.6 exceeds {name}_max, 3.5$"):
        signals.check({f"{name}_max": 3.5, f"{name}_min": 3.6})


def test_a_min_without_its_max_stands_alone():
    signals.check({"motor_torque_min": 3.5, "motor_max": 1.0, "torque_max": 1.0})


@pytest.mark.parametrize("name", ["a", "a1", "a_", "a__b", "min", "a_min_max", "z" * MAX_NAME])
def test_names_in_snake_case_are_taken(name):
    signals.check({name: 0.0})


@pytest.mark.parametrize(
    "name",
    ["", "A", "aB", "1a", "_a", "a-b", "a b", "a.b", "a\n", "ä", "\u0661", "a\u0661", "z" * (MAX_NAME + 1)],
)
def test_other_names_are_refused_and_quoted(name):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # its whole text is compared
        signals.check({"battery_soc": 1.0, name: 0.0})
    shown = name[:MAX_NAME]
    assert str(refusal.value) == f"payload.{shown}: a signal is named in snake_case, at most 64 characters"


def test_a_refused_name_is_refused_again():
    for _ in range(2):
        with pytest.raises(ValueError, match="snake_case"):
            signals.check({"camelCase": 0.0})


VALUES = st.sampled_from([-60.0, -1.0, 0.0, 3.5, 5.0, 100.0, 100.1, 200.0, 1500.0, 5000.5])
SHAPES = st.sampled_from(
    [
        (),
        ("battery_soc",),
        ("cell_temp_min", "cell_temp_max"),
        ("motor_torque_max", "battery_current", "motor_torque_min"),
        ("Motor",),
        tuple(f"signal_{n}" for n in range(513)),
    ]
)
PAYLOADS = SHAPES.flatmap(
    lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, VALUES)), min_size=1, max_size=20)
)


def is_possible(payload: dict[str, float]) -> bool:
    try:
        signals.check(payload)
    except ValueError:
        return False
    return 0 < len(payload) <= signals.MAX_SIGNALS


@given(st.lists(PAYLOADS, max_size=3))
def test_many_payloads_pass_together_if_each_would_alone(lists):
    payloads = [payload for each in lists for payload in each]
    if all(map(is_possible, payloads)):
        signals.check_all(payloads)
    else:
        with pytest.raises(ValueError, match="."):
            signals.check_all(payloads)


@pytest.mark.parametrize("count", [1, 7, 8, 500])
def test_one_impossible_payload_among_many_is_found(count):
    payloads = [{"battery_soc": 50.0, "cell_temp_min": 1.0, "cell_temp_max": 1.0} for _ in range(count)]
    signals.check_all(payloads)
    for fault in ({"battery_soc": 100.5}, {"cell_temp_min": 1.5}):
        with pytest.raises(ValueError, match="payload"):
            signals.check_all([*payloads[1:], payloads[0] | fault])
