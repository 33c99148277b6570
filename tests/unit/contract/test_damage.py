"""One damaged element among good ones never costs a good one, in an array and in lines."""

import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telemetry.domain.contract import elements
from telemetry.domain.contract.parse import MalformedBodyError, parse_json, parse_lines
from telemetry.domain.contract.record import Parsed
from tests.builders import NOW, a_body, a_message
from tests.unit.contract.parsing import SHORT, with_payload

DEEP = b"[" * 20_000 + b"]" * 20_000
DEEP_OBJECTS = b'{"a":' * 20_000 + b"1" + b"}" * 20_000

VALUES = {
    "half a surrogate pair": b'"\\ud800"',
    "the other half": b'"a\\udfffb"',
    "two first halves": b'"\\ud83d\\ud83d"',
    "wrong UTF-8": b'"\xff"',
    "UTF-8 of half a surrogate pair": b'"\xed\xa0\x80"',
    "UTF-8 that is cut short": b'"\xc3"',
    "an unknown escape": b'"\\q"',
    "an escape that is cut short": b'"\\u12"',
    "a control character": b'"\x01"',
    "deep arrays": DEEP,
    "deep objects": DEEP_OBJECTS,
    "brackets that do not match": b"[{]}",
    "a comma too many": b"[1,]",
    "no value": b"",
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "a word": b"undefined",
    "a number with a zero before it": b"01",
    "a number out of range": b"1e999",
    "a string in single quotes": b"'a'",
    "structure inside a string": b'"}],[{\\"\\\\" oops',
}
FIELDS: dict[str, Callable[[bytes], bytes]] = {
    "timestamp": lambda value: a_body().replace(b'"2025-10-19T12:34:56.123Z"', value),
    "vehicle_id": lambda value: a_body().replace(b'"veh-00123"', value),
    "can_id": lambda value: a_body().replace(b'"0x1F0"', value),
    "payload": lambda value: with_payload("here").replace(b'"here"', value),
    "signal": lambda value: with_payload({"x": "here"}).replace(b'"here"', value),
    "unknown signal of several": lambda value: with_payload({"a": 1, "x": "here", "b": 2}).replace(
        b'"here"', value
    ),
    "name of a signal": lambda value: a_body().replace(b'"battery_soc"', value),
    "name of a field": lambda value: a_body().replace(b'"can_id"', value),
    "unknown field": lambda value: a_body(speed="here").replace(b'"here"', value),
}
BALANCED = [
    *(
        pytest.param(put(value), id=f"{what} as {field}")
        for field, put in FIELDS.items()
        for what, value in VALUES.items()
    ),
    *(
        pytest.param(
            a_body(ingest_received_at="here").replace(b'"here"', VALUES[what]),
            id=f"{what} as ingest_received_at",
        )
        for what in ("half a surrogate pair", "deep arrays", "NaN", "no value", "brackets that do not match")
    ),
    *(
        pytest.param(element, id=repr(element))
        for element in (
            b"7",
            b'"text"',
            b"null",
            b"oops",
            b"\x00",
            b"\xff",
            b"{}{}",
            b"{} {}",
            b'{"a" 1}',
            b"{1:2}",
            b"[]x",
        )
    ),
]
"""Elements that are no record, while the brackets and quotes in them are those of one element."""


def good(number: int) -> bytes:
    return a_body(vehicle_id=f"v{number}")


def taken(parsed: Parsed) -> list[str]:
    assert all(0 < len(rejection.error) < SHORT for rejection in parsed.rejected)
    return [record.vehicle_id for record in parsed.records]


@pytest.mark.parametrize("damaged", BALANCED)
def test_a_damaged_element_is_rejected_alone_wherever_it_stands(damaged: bytes):
    for place in range(3):
        items = [good(0), good(1)]
        items.insert(place, damaged)
        for parsed in (
            parse_json(b"[" + b",".join(items) + b"]", NOW),
            parse_json(b" [\r\n" + b" ,\t".join(items) + b"\n] ", NOW),
            parse_lines(b"\n".join(items), NOW),
            parse_lines(b"\r\n".join(items) + b"\r\n", NOW),
        ):
            assert taken(parsed) == ["v0", "v1"]
            assert [rejection.index for rejection in parsed.rejected] == [place]


ELEMENTS = st.sampled_from([param.values[0] for param in BALANCED])


@given(st.lists(st.none() | ELEMENTS, min_size=1, max_size=12).filter(lambda items: None in items))
def test_any_number_of_damaged_elements_cost_no_good_one(items: Sequence[bytes | None]):
    body = [good(number) if item is None else item for number, item in enumerate(items)]
    kept = [f"v{number}" for number, item in enumerate(items) if item is None]
    lost = [number for number, item in enumerate(items) if item is not None]
    for parsed in (parse_json(b"[" + b",".join(body) + b"]", NOW), parse_lines(b"\n".join(body), NOW)):
        assert taken(parsed) == kept
        assert [rejection.index for rejection in parsed.rejected] == lost


SCRAPS = st.lists(
    st.sampled_from(
        [*(bytes([byte]) for byte in b'{}[]",:\\0-.e '), b'"payload":', b'"x"', b"null", b'\\"', b"\\\\"]
    )
    | st.binary(max_size=3)
).map(b"".join)


@st.composite
def torn(draw: st.DrawFn) -> bytes:
    """Draw a line that was a record, and lost a part of it, or has scraps instead of it."""
    whole = a_body(vehicle_id="torn")
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, len(whole)))
    return (whole[:start] + draw(SCRAPS) + whole[end:]).replace(b"\n", b"").replace(b"\r", b"")


@given(st.lists(st.none() | torn(), min_size=1, max_size=6))
@example([None, b"{", None, b"}", None])
@example([b'{"a":[', b"[", None, b"]}", b"]}}", None])
@example([b'{"', None, b'"}', None])
def test_lines_that_are_torn_anyhow_cost_no_good_line(items: Sequence[bytes | None]):
    lines = [good(number) if item is None else item for number, item in enumerate(items)]
    kept = [f"v{number}" for number, item in enumerate(items) if item is None]
    parsed = parse_lines(b"\n".join(lines), NOW)
    assert [vehicle for vehicle in taken(parsed) if vehicle.startswith("v")] == kept
    indices = [rejection.index for rejection in parsed.rejected]
    assert len(set(indices)) == len(indices)
    assert set(indices) <= set(range(len(parsed.records) + len(indices)))


# A record over several lines


def pretty(number: int, **style: object) -> bytes:
    return json.dumps(a_message(vehicle_id=f"v{number}"), **style).encode()  # type: ignore[arg-type]


STYLES: list[dict[str, object]] = [
    {"indent": 2},
    {"indent": 4},
    {"indent": "\t"},
    {"indent": 0},
    {"indent": 1, "sort_keys": True},
]
PRETTY_DAMAGE = [
    pretty(9, indent=2).replace(b"85.5", b'"full"'),
    pretty(9, indent=2).replace(b"85.5", b"850"),
    pretty(9, indent=2).replace(b"v9", b"\\ud800"),
    pretty(9, indent=2).replace(b"v9", b"\xff"),
    pretty(9, indent=2).replace(b"v9", b"}]{["),
    pretty(9, indent=2).replace(b"85.5,", b"85.5"),
    pretty(9, indent=2).replace(b"85.5", DEEP),
]
"""Records over several lines with a fault; their brackets are those of one record."""


@pytest.mark.parametrize("style", STYLES, ids=repr)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("damage", [b"oops", b"{}", b"\xff", b'{"a":{"b":', *PRETTY_DAMAGE])
def test_a_record_over_several_lines_is_taken_beside_a_damaged_one(style, end, damage):
    items = [good(0), pretty(1, **style), damage, pretty(2, **style), pretty(3, **style), good(4)]
    parsed = parse_lines(b"\n".join(items).replace(b"\n", end), NOW)
    assert taken(parsed) == ["v0", "v1", "v2", "v3", "v4"]
    assert [rejection.index for rejection in parsed.rejected] == [2]


@given(
    st.lists(
        st.integers(0, 9).map(good)
        | st.builds(lambda number, style: pretty(number, **style), st.integers(0, 9), st.sampled_from(STYLES))
        | st.sampled_from([b"oops", b"{}", b'{"a":{"b":', b"\xff", *PRETTY_DAMAGE]),
        max_size=8,
    )
)
def test_lines_and_records_over_several_lines_stand_together(items: Sequence[bytes]):
    parsed = parse_lines(b"\n".join(items), NOW)
    singly = [parse_lines(item, NOW) for item in items]
    assert parsed.records == [record for each in singly for record in each.records]
    assert [rejection.error for rejection in parsed.rejected] == [
        rejection.error for each in singly for rejection in each.rejected
    ]


def test_a_record_over_several_lines_that_is_cut_short_costs_no_good_one():
    whole = pretty(9, indent=2)
    for end in range(1, len(whole)):
        parsed = parse_lines(b"\n".join([good(0), whole[:end], good(1), pretty(2, indent=2)]), NOW)
        assert taken(parsed) == ["v0", "v1", "v2"]
        assert parsed.rejected


def test_an_object_inside_a_record_may_begin_a_line():
    record = b'{\n  "vehicle_id": "v1", "timestamp": "2025-10-19T12:34:56Z", "can_id": "0x1",\n  "payload":\n  {\n "x": 1\n }\n}'
    parsed = parse_lines(b"\n".join([good(0), record, b"oops", good(2)]), NOW)
    assert taken(parsed) == ["v0", "v1", "v2"]


def test_several_records_on_one_line_are_taken_whether_another_line_is_damaged_or_not():
    line = good(1) + good(2) + b" " + good(3)
    assert taken(parse_lines(b"\n".join([good(0), line]), NOW)) == ["v0", "v1", "v2", "v3"]
    parsed = parse_lines(b"\n".join([good(0), line, b"oops", good(5)]), NOW)
    assert taken(parsed) == ["v0", "v1", "v2", "v3", "v5"]
    assert [rejection.index for rejection in parsed.rejected] == [4]


# What cannot be told apart


@pytest.mark.parametrize(
    "body",
    [
        b"[%s,%s",
        b"[%s,%s}",
        b"[%s,%s]]",
        b"[%s,%s] []",
        b'["%s,%s]',
        b"[[%s,%s]",
        b"[%s],%s]",
        b"[%s,{%s]",
        b"[%s,%s,]",
        b"[%s,%s, \n]",
    ],
)
def test_an_array_whose_quotes_brackets_and_commas_do_not_fit_is_malformed(body):
    with pytest.raises(MalformedBodyError) as malformed:
        parse_json(body % (good(0), good(1)), NOW)
    assert 0 < len(str(malformed.value)) < SHORT


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a":"x}', b'{"b":"y}'),
        (a_body()[:60], a_body()[:60]),
        (b'"abc', b'xyz"'),
        (b'{"a":[1}', b'{"b":1]}'),
        (b"[", b"]"),
        (b'{"a":', b'"b":1}'),
        (b'{"a":[{},{"b":%b},' % (b"1" * 5000), b'"b":1}'),
    ],
)
def test_a_record_between_two_faults_that_make_up_for_each_other_is_not_lost_without_a_word(one, other):
    for middle in ([good(1)], [good(1), good(2)], [b"7", good(1), b"8"]):
        with pytest.raises(MalformedBodyError):
            parse_json(b"[" + b", ".join([good(0), one, *middle, other, good(3)]) + b"]", NOW)


@pytest.mark.parametrize("items", [[DEEP], [b"oops"], [b"oops", b'"\\ud800"', b""], [b"", b"x"]])
def test_an_array_of_which_no_element_is_json_is_malformed(items):
    with pytest.raises(MalformedBodyError):
        parse_json(b"[" + b",".join(items) + b"]", NOW)


def test_an_element_that_is_missing_is_rejected_alone():
    parsed = parse_json(b"[" + good(0) + b",," + good(1) + b"]", NOW)
    assert taken(parsed) == ["v0", "v1"]
    assert [rejection.index for rejection in parsed.rejected] == [1]


def test_an_array_is_cut_alike_wherever_the_pieces_end_that_are_looked_at_together(monkeypatch):
    items = [good(0), b'"\\\\\\"],[\\\\"', b'{"a":[1,"}"]}', good(3), b'"\\ud800"', b"[{},[],{}]", good(6)]
    body = b"[" + b",".join(items) + b"]"
    for chunk in range(1, len(body) + 1, 7):
        monkeypatch.setattr(elements, "_CHUNK", chunk)
        parsed = parse_json(body, NOW)
        assert taken(parsed) == ["v0", "v3", "v6"]
        assert [rejection.index for rejection in parsed.rejected] == [1, 2, 4, 5]
