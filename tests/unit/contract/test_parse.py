"""From the bytes of a body to records and rejections, and what is no body at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract.parse import BYTE_ORDER_MARK, MalformedBodyError, parse_json, parse_lines
from telemetry.domain.contract.record import Parsed, Record
from tests.builders import MEASURED_MS, NOW, a_body, a_message
from tests.unit.contract.parsing import SHORT, accepted, with_payload


def test_the_message_of_the_contract_becomes_a_record():
    assert accepted(a_body()) == Record(
        timestamp_ms=MEASURED_MS,
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
    for body in (b"[]", b" [ ]\r\n", BYTE_ORDER_MARK + b"[]"):
        assert parse_json(body, NOW) == Parsed([], [])


def test_the_time_of_receipt_is_the_receivers_whatever_the_client_says():
    for said in ("1999-01-01T00:00:00Z", 7, None, {"a": [1]}, "never"):
        assert accepted(json.dumps(a_message() | {"ingest_received_at": said}).encode()).received_ms == NOW


def test_a_time_of_receipt_may_be_said_twice():
    said = b'"ingest_received_at":1,"ingest_received_at":"2025-10-19T12:34:56.200Z",'
    assert accepted(b"{" + said + a_body()[1:]).received_ms == NOW


def test_one_bad_record_of_three_is_refused_alone_by_index_and_field():
    bodies = [a_body(vehicle_id="v0"), with_payload({"battery_soc": "full"}), a_body(vehicle_id="v2")]
    for parsed in (parse_json(b"[" + b",".join(bodies) + b"]", NOW), parse_lines(b"\n".join(bodies), NOW)):
        assert [record.vehicle_id for record in parsed.records] == ["v0", "v2"]
        (rejection,) = parsed.rejected
        assert (rejection.index, rejection.error) == (1, "payload.battery_soc: Expected `float`, got `str`")


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


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[",
        b"nothing",
        b"\x00",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"{}\xef\xbb\xbf",
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


@pytest.mark.parametrize("body", [b"", b"\n", b" \r\n\t\n", b"\x0b\n", BYTE_ORDER_MARK, b"\n" * 300_000])
def test_newline_delimited_json_without_a_line_holds_neither_good_nor_bad(body):
    assert parse_lines(body, NOW) == Parsed([], [])


@pytest.mark.parametrize("read", [parse_json, parse_lines])
@pytest.mark.parametrize(
    "body", [a_body(), a_body() + b"\n" + a_body(), a_body() + b"\r\n" + with_payload({})]
)
def test_a_byte_order_mark_before_a_body_is_ignored(read, body):
    assert read(BYTE_ORDER_MARK + body, NOW) == read(body, NOW)
    assert read(BYTE_ORDER_MARK + body, NOW).records


def test_a_byte_order_mark_before_an_array_is_ignored():
    body = b"[" + a_body() + b"," + with_payload({}) + b"]"
    assert len(parse_json(BYTE_ORDER_MARK + body, NOW).records) == 1
    assert parse_json(BYTE_ORDER_MARK + body, NOW) == parse_json(body, NOW)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n", b"\n \t\r\n"])
def test_lines_that_are_sent_as_json_are_taken_as_lines(end):
    for items in ([a_body(), a_body()], [a_body(), b"{}", with_payload({"x": "text"}), a_body()]):
        parsed = parse_json(b" " + end.join(items) + end, NOW)
        assert parsed == parse_lines(end.join(items), NOW)
        assert len(parsed.records) == 2


@pytest.mark.parametrize(
    "line", [b"oops", b"7", b"[]", b"{", a_body()[:-1], b'{"vehicle_id":"\\ud800"}', b"[" * 20_000]
)
def test_lines_sent_as_json_that_are_not_all_objects_are_refused_with_their_media_type(
    line,
):
    with pytest.raises(MalformedBodyError, match=r"application/x-ndjson.*JSON is malformed") as malformed:
        parse_json(b"\n".join([a_body(), line, a_body()]), NOW)
    assert len(str(malformed.value)) < SHORT


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
