"""What the payload of a record may be."""

import pytest

from tests.builders import a_body
from tests.unit.contract.parsing import MEGABYTES, SHORT, accepted, refused, with_payload


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b'"85"', "Expected `float`, got `str`"),
        (b"null", "Expected `float`, got `null`"),
        (b"true", "Expected `float`, got `bool`"),
        (b"[1]", "Expected `float`, got `array`"),
        (b'{"value":1}', "Expected `float`, got `object`"),
        (b"1e999", "Number out of range"),
        (b"-1e999", "Number out of range"),
        (b"1" + b"0" * 400, "Number out of range"),
    ],
)
def test_a_signal_that_is_no_finite_number_is_refused_by_its_name(value, reason):
    body = a_body(payload={"battery_soc": 1.0, "x": 2.0}).replace(b"2.0", value)
    assert refused(body) == f"payload.x: {reason}"


def test_integers_are_numbers():
    assert accepted(with_payload({"x": 7})).payload == {"x": 7.0}


def test_a_signal_out_of_its_range_is_refused_by_its_name():
    assert refused(with_payload({"battery_soc": 100.5})).startswith("payload.battery_soc: 100.5 is outside")


def test_a_min_over_its_max_is_refused_by_its_name():
    reason = refused(with_payload({"cell_voltage_min": 4.0, "cell_voltage_max": 3.0}))
    assert reason == "payload.cell_voltage_min: 4 exceeds cell_voltage_max, 3"


def test_a_signal_that_nobody_knows_is_kept():
    assert accepted(with_payload({"motor_rpm": 12_000.5})).payload == {"motor_rpm": 12_000.5}


@pytest.mark.parametrize("payload", [{}, {f"s{number}": 1.0 for number in range(65)}])
def test_a_payload_of_no_or_of_65_signals_is_refused(payload):
    assert refused(with_payload(payload)).startswith("payload: Expected `object` of length ")


def test_a_payload_of_64_signals_is_taken():
    payload = {f"s{number}": float(number) for number in range(64)}
    assert accepted(with_payload(payload)).payload == payload


@pytest.mark.parametrize("payload", [[1.0], "x", 7, True])
def test_a_payload_that_is_no_object_is_refused(payload):
    assert refused(with_payload(payload)).startswith("payload: Expected `object`")


@pytest.mark.parametrize("name", ["camelCase", "", "a b", "x" * 65, MEGABYTES])
def test_a_signal_that_is_not_named_in_snake_case_is_refused_briefly(name):
    reason = refused(with_payload({"x": 1.0, name: 2.0}))
    assert reason.startswith(f"payload.{name[:16]}")
    assert len(reason) < SHORT
