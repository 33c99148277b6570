"""What the payload of a record may be."""

import msgspec
import pytest

from telemetry.domain.contract.parse import parse_json, parse_lines
from tests.builders import NOW, a_body, a_message
from tests.unit.contract.parsing import MEGABYTES, SHORT, accepted, refused, with_payload


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b'"85"', "Expected `float`, got `str`"),
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


@pytest.mark.parametrize("count", [1, 3])
def test_a_signal_that_is_null_is_left_out_and_counted_and_its_record_is_kept(count):
    nulls = dict.fromkeys(["battery_voltage", "motor_rpm", "cell_voltage_min"][:count])
    body = msgspec.json.encode(a_message() | {"payload": {"battery_soc": 50.0, **nulls}})
    for parsed in (parse_json(body, NOW), parse_json(b"[" + body + b"]", NOW), parse_lines(body, NOW)):
        assert [record.payload for record in parsed.records] == [{"battery_soc": 50.0}]
        assert (parsed.rejected, parsed.unavailable) == ([], count)


def test_the_signals_that_are_null_are_counted_over_a_body_and_not_in_records_that_are_refused():
    bodies = [
        with_payload({"a": None, "b": 1}),
        with_payload({"a": None, "b": None, "c": 2}),
        with_payload({"a": None, "battery_soc": 101}),
        with_payload({"a": 3}),
    ]
    parsed = parse_lines(b"\n".join(bodies), NOW)
    assert [record.payload for record in parsed.records] == [{"b": 1.0}, {"c": 2.0}, {"a": 3.0}]
    assert parsed.unavailable == 3


def test_a_payload_whose_signals_are_all_null_is_refused():
    reason = "payload: each signal is null, and at least one needs a value"
    assert refused(with_payload({"battery_soc": None, "x": None})) == reason


def test_the_name_of_a_signal_that_is_null_is_checked():
    assert refused(with_payload({"x": 1.0, "camelCase": None})).startswith(
        "payload.camelCase: a signal is named"
    )
    assert refused(with_payload({"x": 1.0, "x" * 65: None})).startswith(
        "payload.xxxxxxxxxxxxxxxx...: a signal"
    )


def test_a_max_that_is_null_does_not_bound_its_min():
    assert accepted(with_payload({"cell_voltage_min": 4.0, "cell_voltage_max": None})).payload == {
        "cell_voltage_min": 4.0
    }


def test_beside_a_null_the_signal_that_is_no_number_is_named():
    assert refused(with_payload({"a": None, "x": "full"})) == "payload.x: Expected `float`, got `str`"


@pytest.mark.parametrize(
    ("signals", "payload"),
    [
        (b'"battery_soc":50.0,"battery_soc":40.0', {"battery_soc": 40.0}),
        (b'"battery_soc":101,"battery_soc":40.0', {"battery_soc": 40.0}),
        (b'"battery_soc":null,"battery_soc":40.0', {"battery_soc": 40.0}),
        (b'"x":1,"battery_soc":50.0,"battery_soc":null', {"x": 1.0}),
    ],
)
def test_of_a_signal_that_is_repeated_the_last_counts(signals, payload):
    assert accepted(with_payload({"y": 1}).replace(b'"y":1', signals)).payload == payload


def test_of_a_field_that_is_repeated_the_last_counts():
    first = b'{"vehicle_id":"first","timestamp":"never","can_id":"0X","payload":{"x":1},'
    assert accepted(first + a_body(vehicle_id="last", payload={"y": 2})[1:]).vehicle_id == "last"
    assert accepted(first + a_body(vehicle_id="last", payload={"y": 2})[1:]).payload == {"y": 2.0}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"9007199254740993", 9007199254740992.0),
        (b"-9007199254740993", -9007199254740992.0),
        (b"18446744073709551617", 18446744073709551616.0),
        (b"0.1000000000000000055511151231257827", 0.1),
        (b"1e-400", 0.0),
    ],
)
def test_numbers_are_doubles(sent, kept):
    assert accepted(with_payload({"x": 1}).replace(b'"x":1', b'"x":' + sent)).payload == {"x": kept}


def test_integers_are_numbers():
    assert accepted(with_payload({"x": 7})).payload == {"x": 7.0}


def test_a_signal_out_of_its_range_is_refused_by_its_name():
    assert refused(with_payload({"battery_soc": 100.5})).startswith("payload.battery_soc: 100.5 is outside")


def test_a_min_over_its_max_is_refused_by_its_name():
    reason = refused(with_payload({"cell_voltage_min": 4.0, "cell_voltage_max": 3.0}))
    assert reason == "payload.cell_voltage_min: 4 exceeds cell_voltage_max, 3"


def test_a_signal_that_nobody_knows_is_kept():
    assert accepted(with_payload({"motor_rpm": 12_000.5})).payload == {"motor_rpm": 12_000.5}


@pytest.mark.parametrize("payload", [{}, {f"s{number}": 1.0 for number in range(513)}])
def test_a_payload_of_no_or_of_513_signals_is_refused(payload):
    assert refused(with_payload(payload)).startswith("payload: Expected `object` of length ")


def test_a_payload_of_512_signals_is_taken():
    payload = {f"s{number}": float(number) for number in range(512)}
    assert accepted(with_payload(payload)).payload == payload


@pytest.mark.parametrize("payload", [[1.0], "x", 7, True])
def test_a_payload_that_is_no_object_is_refused(payload):
    assert refused(with_payload(payload)).startswith("payload: Expected `object`")


@pytest.mark.parametrize("name", ["camelCase", "", "a b", "x" * 65, MEGABYTES])
def test_a_signal_that_is_not_named_in_snake_case_is_refused_briefly(name):
    reason = refused(with_payload({"x": 1.0, name: 2.0}))
    assert reason.startswith(f"payload.{name[:16]}")
    assert len(reason) < SHORT
