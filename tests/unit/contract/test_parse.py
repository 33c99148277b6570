import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract.parse import MalformedBodyError, parse_json, parse_lines
from telemetry.domain.contract.record import Parsed, Record
from tests.builders import FIRST_MS, LAST_MS, NOW, a_body, a_message

MADE = 1_760_877_296_123  # 2025-10-19T12:34:56.123Z
SHORT = 300  # characters that a reason may have
MEGABYTES = "x" * 10_000_000


def accepted(body: bytes) -> Record:
    parsed = parse_json(body, NOW)
    assert not parsed.rejected
    (record,) = parsed.records
    return record


def refused(body: bytes) -> str:
    """Have a body's only record refused, alike in all three spellings; return the reason."""
    reasons = []
    for parsed in (
        parse_json(body, NOW),
        parse_json(b"[" + body + b"]", NOW),
        parse_lines(body + b"\n", NOW),
    ):
        assert not parsed.records
        (rejection,) = parsed.rejected
        assert rejection.index == 0
        reasons.append(rejection.error)
    assert len(set(reasons)) == 1
    return reasons[0]


def with_payload(payload: Any) -> bytes:
    return a_body(payload=payload)


def test_the_message_of_the_contract_becomes_a_record():
    assert accepted(a_body()) == Record(
        timestamp_ms=MADE,
        vehicle_id="veh-00123",
        can_id="0x1F0",
        payload={
            "battery_soc": 85.5,
            "battery_voltage": 400.2,
            "battery_current": -15.3,
            "cell_voltage_min": 3.45,
            "cell_voltage_max": 3.67,
            "cell_temp_min": 28.5,
            "cell_temp_max": 31.2,
        },
        received_ms=NOW,
    )


def test_whitespace_around_a_body_does_no_harm():
    for body in (a_body(), b"[" + a_body() + b"]"):
        assert len(parse_json(b" \t\r\n" + body + b" \t\r\n", NOW).records) == 1


def test_an_array_becomes_records_in_its_order():
    body = b"[" + b",".join(a_body(vehicle_id=f"v{number}") for number in range(3)) + b"]"
    assert [record.vehicle_id for record in parse_json(body, NOW).records] == ["v0", "v1", "v2"]


def test_an_empty_array_holds_neither_good_nor_bad():
    assert parse_json(b"[]", NOW) == ([], [])


# The time of the vehicle


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2025-10-19T12:34:56.123Z", MADE),
        ("2025-10-19T14:34:56.123+02:00", MADE),
        ("2025-10-19T07:04:56.123-05:30", MADE),
        ("2025-10-19T12:34:56.123999Z", MADE),
        ("2025-10-19T12:34:56Z", MADE - 123),
        ("1969-12-31T23:59:59.9995Z", -1),
        ("1970-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00Z", FIRST_MS),
        ("9999-12-31T23:59:59.999Z", LAST_MS),
        ("0000-12-31T23:59:59Z", None),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    ],
)
def test_a_timestamp_is_kept_in_utc_to_the_millisecond(text, ms):
    if ms is None:
        assert refused(a_body(timestamp=text)).startswith("timestamp: ")
    else:
        assert accepted(a_body(timestamp=text)).timestamp_ms == ms


@pytest.mark.parametrize("text", ["2025-10-19T12:34:56.123", "2025-10-19T12:34:56"])
def test_a_timestamp_without_an_offset_is_refused(text):
    assert refused(a_body(timestamp=text)) == "timestamp: Expected `datetime` with a timezone component"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59.999-00:01"])
def test_a_timestamp_whose_offset_leads_out_of_the_calendar_is_refused(text):
    assert refused(a_body(timestamp=text)) == "timestamp: in UTC it lies outside the years 1 to 9999"


@pytest.mark.parametrize(
    "value",
    ["", "now", "2025-02-29T00:00:00Z", "2025-10-19", "2025-10-19T25:00:00Z", MADE, MADE / 1000, True],
)
def test_what_is_no_time_is_refused(value):
    assert refused(a_body(timestamp=value)).startswith("timestamp: ")


# The vehicle and the CAN id


@pytest.mark.parametrize("vehicle_id", ["v", "veh-00123", "A.b_c:d-e", "0" * 64, "..", "WBY1Z2C50EV273788"])
def test_a_vehicle_id_of_the_allowed_characters_is_taken_as_it_is(vehicle_id):
    assert accepted(a_body(vehicle_id=vehicle_id)).vehicle_id == vehicle_id


@pytest.mark.parametrize(
    "vehicle_id", ["", " ", "a/b", "a b", "a\n", "ä", "\u0661", "a\x00", "0" * 65, MEGABYTES, 7, True, ["v"]]
)
def test_any_other_vehicle_id_is_refused_briefly(vehicle_id):
    reason = refused(a_body(vehicle_id=vehicle_id))
    assert reason.startswith("vehicle_id: ")
    assert len(reason) < SHORT


@pytest.mark.parametrize(
    ("spelled", "canonical"),
    [
        ("0x1F0", "0x1F0"),
        ("0x1f0", "0x1F0"),
        ("0x000001f0", "0x1F0"),
        ("0x0", "0x0"),
        ("0x00000000", "0x0"),
        ("0x1FFFFFFF", "0x1FFFFFFF"),
        ("0x1fffffff", "0x1FFFFFFF"),
    ],
)
def test_a_can_id_has_one_spelling(spelled, canonical):
    assert accepted(a_body(can_id=spelled)).can_id == canonical


@pytest.mark.parametrize(
    "can_id",
    [
        "0x20000000",
        "0xFFFFFFFF",
        "0x000000001",
        "0x",
        "1F0",
        "0X1F0",
        "0xG",
        "0x-1",
        "0x1_0",
        " 0x1",
        "0x1\n",
        496,
    ],
)
def test_what_is_no_can_id_of_29_bits_is_refused(can_id):
    assert refused(a_body(can_id=can_id)).startswith("can_id: ")


# The payload


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


# The fields


@pytest.mark.parametrize("field", ["timestamp", "vehicle_id", "can_id", "payload"])
def test_a_missing_field_is_named(field):
    assert refused(a_body(**{field: None})) == f"Object missing required field `{field}`"


def test_an_unknown_field_is_named():
    assert refused(a_body(speed=3)) == "Object contains unknown field `speed`"


@pytest.mark.parametrize("item", [b"7", b'"text"', b"null", b"[]", b"true", b"[[]]"])
def test_what_is_no_object_is_refused_in_an_array(item):
    (rejection,) = parse_json(b"[" + item + b"]", NOW).rejected
    assert rejection.error.startswith("Expected `object`, got ")


@pytest.mark.parametrize(
    "body",
    [
        a_body(**{MEGABYTES: 1}),
        a_body(timestamp=MEGABYTES),
        a_body(can_id=MEGABYTES),
        with_payload(MEGABYTES),
        with_payload({"x": MEGABYTES}),
        a_body(vehicle_id={MEGABYTES: MEGABYTES}),
    ],
    ids=["field", "timestamp", "can_id", "payload", "signal", "vehicle_id"],
)
def test_a_reason_is_short_though_the_sender_sent_megabytes(body):
    assert 0 < len(refused(body)) < SHORT


@pytest.mark.parametrize(
    "field",
    ["x - at `$.payload[", "x - at `key` in `$.payload`", "x - at `$", "` - at `$.payload[...]`", " - at `"],
)
def test_a_field_that_is_named_like_a_place_is_an_unknown_field(field):
    assert "unknown field" in refused(json.dumps({field: 1}).encode())
    assert "unknown field" in refused(json.dumps({field: 1} | a_message(payload=5)).encode())


def test_a_second_payload_cannot_hide_what_is_wrong_with_the_first():
    body = b'{"payload":{"x":"text"},"payload":5}'
    assert refused(body) == "Expected `float`, got `str`"


def test_the_time_of_receipt_is_the_receivers_whatever_the_client_says():
    for said in ("1999-01-01T00:00:00Z", 7, None, {"a": [1]}, "never"):
        assert accepted(json.dumps(a_message() | {"ingest_received_at": said}).encode()).received_ms == NOW


def test_a_time_of_receipt_may_be_said_twice():
    said = b'"ingest_received_at":1,"ingest_received_at":"2025-10-19T12:34:56.200Z",'
    assert accepted(b"{" + said + a_body()[1:]).received_ms == NOW


# Good and bad together


def test_one_bad_record_of_three_is_refused_alone_by_index_and_field():
    bodies = [a_body(vehicle_id="v0"), with_payload({"battery_soc": "full"}), a_body(vehicle_id="v2")]
    for parsed in (parse_json(b"[" + b",".join(bodies) + b"]", NOW), parse_lines(b"\n".join(bodies), NOW)):
        assert [record.vehicle_id for record in parsed.records] == ["v0", "v2"]
        (rejection,) = parsed.rejected
        assert (rejection.index, rejection.error) == (1, "payload.battery_soc: Expected `float`, got `str`")


GOOD_ITEMS = st.sampled_from(
    [
        a_body(),
        a_body(timestamp="2025-10-19T14:34:56.123+02:00"),
        a_body(timestamp="2025-10-19T12:34:56.123999Z"),
        a_body(vehicle_id="0" * 64, can_id="0x000001f0"),
        a_body(ingest_received_at=["whatever"]),
        with_payload({"battery_soc": 100, "cell_temp_min": -60.0, "cell_temp_max": -60.0}),
        with_payload({"motor_rpm": -1e300}),
        with_payload({f"signal_{n}": n for n in range(64)}),
    ]
)


@given(st.lists(GOOD_ITEMS, min_size=1, max_size=30))
def test_a_body_without_a_fault_is_taken_as_its_records_would_be_one_by_one(items):
    singly = [accepted(item) for item in items]
    assert parse_json(b"[" + b",".join(items) + b"]", NOW) == (singly, [])
    assert parse_lines(b"\n".join(items), NOW) == (singly, [])


BAD_ITEMS = st.sampled_from(
    [
        b"7",
        b"{}",
        b'{"x - at `$.payload[":1}',
        a_body(payload={}),
        a_body(payload={"x": "text"}),
        a_body(payload={"battery_soc": -1.0}),
        a_body(payload={"camelCase": 1.0}),
        a_body(timestamp="2025-10-19T12:34:56"),
        a_body(timestamp="0001-01-01T00:00:00+01:00"),
        a_body(vehicle_id="a/b"),
        a_body(can_id="0x20000000"),
        a_body(speed=1),
        b'{"payload":{"x":"text"},"payload":5}',
    ]
)
BAD_LINES = BAD_ITEMS | st.sampled_from(
    [
        b"{",
        b"\xff",
        b"NaN",
        b"{}{}",
        b"[" * 20_000,
        b'{"payload":{"x":"text"}, oops',
        b'{"payload":{"x":"text"},"y":' + b"[" * 20_000,
        b'{"vehicle_id":"\\ud800"}',
    ]
)


def check_sorted(parsed: Parsed, good: list[bool]) -> None:
    assert [int(record.vehicle_id) for record in parsed.records] == [
        n for n, is_good in enumerate(good) if is_good
    ]
    assert [rejection.index for rejection in parsed.rejected] == [
        n for n, is_good in enumerate(good) if not is_good
    ]
    assert all(0 < len(rejection.error) < SHORT for rejection in parsed.rejected)


@given(st.lists(st.none() | BAD_ITEMS, min_size=1, max_size=8))
def test_a_bad_record_takes_no_neighbour_with_it(bad):
    items = [a_body(vehicle_id=str(number)) if item is None else item for number, item in enumerate(bad)]
    check_sorted(parse_json(b"[" + b",".join(items) + b"]", NOW), [item is None for item in bad])


@given(
    st.lists(st.none() | BAD_LINES, min_size=1, max_size=8),
    st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n \t\n"]),
)
def test_a_bad_line_takes_no_neighbour_with_it_and_blank_lines_do_not_count(bad, end):
    lines = [a_body(vehicle_id=str(number)) if line is None else line for number, line in enumerate(bad)]
    check_sorted(parse_lines(end + end.join(lines) + end, NOW), [line is None for line in bad])


# What is not JSON


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[",
        b"nothing",
        b"\x00",
        b"\xef\xbb\xbf{}",
        a_body()[:-1],
        a_body() + b"x",
        a_body() + a_body(),
        b"[" + a_body() + b",]",
        a_body().replace(b"85.5", b"NaN"),
        a_body().replace(b"85.5", b"Infinity"),
        a_body().replace(b"85.5", b"-Infinity"),
        a_body().replace(b"veh-", b"\\ud800"),
        a_body().replace(b"veh-", b"\xff"),
        a_body().replace(b"veh-", b"\xed\xa0\x80"),
        b"[" * 20_000,
        b"[" * 20_000 + b"]" * 20_000,
        a_body(ingest_received_at="x").replace(b'"x"', b"[" * 20_000 + b"]" * 20_000),
        b'{"' + b"x" * 10_000_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_not_json_is_malformed_and_the_reason_short(body):
    with pytest.raises(MalformedBodyError) as malformed:
        parse_json(body, NOW)
    assert 0 < len(str(malformed.value)) < SHORT


@pytest.mark.parametrize("body", [b"", b"\n", b" \r\n\t\n", b"\x0b\n"])
def test_newline_delimited_json_without_a_line_is_malformed(body):
    with pytest.raises(MalformedBodyError, match="holds no line"):
        parse_lines(body, NOW)


SCRAPS = st.lists(
    st.sampled_from(
        [
            *(bytes([byte]) for byte in b'{}[]",:\\\n0-.e'),
            b'"payload":',
            b'"x"',
            b"null",
            b" - at `$.payload[",
        ]
    )
    | st.binary(max_size=3)
).map(b"".join)


@given(st.data())
def test_no_body_makes_the_parser_fail_otherwise_than_by_a_malformed_body(data):
    whole = data.draw(
        st.sampled_from([a_body(), b"[" + a_body() + b"," + with_payload({"x": "t"}) + b"]", b""])
    )
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(start + 10, len(whole))))
    body = whole[:start] + data.draw(SCRAPS) + whole[end:]
    for read in (parse_json, parse_lines):
        try:
            parsed = read(body, NOW)
        except MalformedBodyError as malformed:
            assert len(str(malformed)) < SHORT  # noqa: PT017  # that it may raise and may not is the point
        else:
            indices = [rejection.index for rejection in parsed.rejected]
            assert set(indices) <= set(range(len(parsed.records) + len(indices)))


def test_a_rejection_is_answered_as_index_and_error():
    (rejection,) = parse_json(a_body(speed=1), NOW).rejected
    assert msgspec.to_builtins(rejection) == {"index": 0, "error": "Object contains unknown field `speed`"}
