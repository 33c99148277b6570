"""A body holds so many records and no more, and more are found before any of them costs work."""

import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest

from telemetry.domain.contract import parse
from telemetry.domain.contract.elements import TooManyRecordsError
from telemetry.domain.contract.parse import MAX_RECORDS, MalformedBodyError, parse_json, parse_lines
from telemetry.domain.contract.record import Parsed
from tests.builders import NOW, a_body

SHORTEST = b'{"timestamp":"2025-10-19T12:34:56Z","vehicle_id":"v","can_id":"0x0","payload":{"a":0}}'
PRETTY = a_body().replace(b",", b",\n  ")
Form = tuple[Callable[[list[bytes]], bytes], Callable[[bytes, int, int], Parsed]]
FORMS: dict[str, Form] = {
    "array": (lambda items: b"[" + b",".join(items) + b"]", parse_json),
    "lines": (b"\n".join, parse_lines),
    "lines with blank ones": (lambda items: b"\n\n" + b"\n \r\n".join(items) + b"\n\n", parse_lines),
    "lines sent as JSON": (b"\r\n".join, parse_json),
}
in_every_form = pytest.mark.parametrize(("join", "read"), FORMS.values(), ids=FORMS)


@in_every_form
@pytest.mark.parametrize("item", [SHORTEST, a_body(), a_body(ingest_received_at=[{}, {}, [{}]])])
def test_as_many_records_are_taken_as_the_limit_says_and_one_more_is_not(join, read, item):
    for most in (2, 7, 50):
        assert len(read(join([item] * most), NOW, most).records) == most
        with pytest.raises(
            TooManyRecordsError, match=f"^The body holds more records than the limit of {most}. Send"
        ):
            read(join([item] * (most + 1)), NOW, most)


@in_every_form
@pytest.mark.parametrize("bad", [b"{}", a_body(payload={"battery_soc": 101}), a_body(payload={"x": None})])
def test_records_that_are_rejected_count_too(join, read, bad):
    for most in (2, 7, 50):
        parsed = read(join([SHORTEST] * (most - 1) + [bad]), NOW, most)
        assert len(parsed.records) + len(parsed.rejected) == most
        for place in (0, 1, most):
            items = [SHORTEST] * most
            items.insert(place, bad)
            with pytest.raises(TooManyRecordsError):
                read(join(items), NOW, most)


@pytest.mark.parametrize("bad", [b"7", b"oops", b'"\\ud800"', b"[[,]]", b'{"a":"}"}'])
def test_elements_that_are_no_records_count_too(bad):
    items = [SHORTEST] * 9 + [bad]
    assert len(parse_lines(b"\n".join(items), NOW, 10).rejected) == 1
    with pytest.raises(TooManyRecordsError):
        parse_lines(b"\n".join([*items, SHORTEST]), NOW, 10)
    assert len(parse_json(b"[" + b",".join(items) + b"]", NOW, 10).rejected) == 1
    with pytest.raises(TooManyRecordsError):
        parse_json(b"[" + b",".join([*items, SHORTEST]) + b"]", NOW, 10)


def test_commas_and_braces_inside_records_are_not_counted_as_records():
    item = a_body(ingest_received_at=["{{{{,,,,", {"a": [{}, {}, 1, 2, 3]}, {}])
    damaged = item.replace(b"85.5", b"NaN")
    parsed = parse_json(b"[" + b",".join([item, damaged, item]) + b"]", NOW, 3)
    assert (len(parsed.records), [each.index for each in parsed.rejected]) == (2, [1])
    assert len(parse_lines(b"\n".join([item, damaged, item]), NOW, 3).records) == 2


def test_a_record_over_several_lines_counts_once():
    assert len(parse_lines(b"\n".join([PRETTY, b"oops", PRETTY]), NOW, 3).records) == 2
    with pytest.raises(TooManyRecordsError):
        parse_lines(b"\n".join([PRETTY, b"oops", PRETTY]), NOW, 2)


def test_records_on_one_line_count_each():
    assert len(parse_lines(SHORTEST * 10, NOW, 10).records) == 10
    assert not parse_lines(SHORTEST * 11, NOW, 10).records
    with pytest.raises(TooManyRecordsError):
        parse_lines(SHORTEST * 6 + b"\noops\n" + SHORTEST * 4, NOW, 10)


def test_without_a_limit_of_the_caller_there_are_ten_thousand():
    assert MAX_RECORDS == 10_000
    lines = b"\n".join([SHORTEST] * MAX_RECORDS)
    assert len(parse_lines(lines, NOW).records) == MAX_RECORDS
    for body in (lines + b"\n" + SHORTEST, lines + b"\noops"):
        with pytest.raises(TooManyRecordsError):
            parse_lines(body, NOW)


MEGABYTES = 10_000_000
TOO_MANY = {
    "zeros": (parse_json, b"[" + b"0," * (MEGABYTES // 2) + b"0]"),
    "empty arrays": (parse_json, b"[" + b"[]," * (MEGABYTES // 3) + b"0]"),
    "commas": (parse_json, b"[" + b"," * MEGABYTES + b"0]"),
    "records": (parse_json, b"[" + SHORTEST.join([b""] + [b","] * (MEGABYTES // 90)) + SHORTEST + b"]"),
    "lines of zeros": (parse_lines, b"0\n" * (MEGABYTES // 2)),
    "lines of open braces": (parse_lines, b"{\n" * (MEGABYTES // 2)),
    "lines of records": (parse_lines, (SHORTEST + b"\n") * (MEGABYTES // 90)),
    "lines of objects sent as JSON": (parse_json, b"{}\n" * (MEGABYTES // 3)),
}


@pytest.mark.parametrize(("read", "body"), TOO_MANY.values(), ids=TOO_MANY)
def test_far_too_many_records_are_refused_before_one_is_looked_at_and_in_little_memory(
    read, body, monkeypatch
):
    monkeypatch.setattr(parse, "_decode_or_blame", lambda _: pytest.fail("it looks at a record"))
    tracemalloc.start()
    try:
        with pytest.raises(TooManyRecordsError):
            read(body, NOW)
        assert tracemalloc.get_traced_memory()[1] < 2.5 * MEGABYTES
    finally:
        tracemalloc.stop()


HOSTILE = {
    "what the receiver sets": (parse_json, b'[{"ingest_received_at":[' + b"[]," * (MEGABYTES // 3) + b"0]}]"),
    "open brackets": (parse_json, b"[" * MEGABYTES),
    "escaped quotes": (parse_json, b'["' + b'\\"' * (MEGABYTES // 2) + b'"'),
    "a line of escaped quotes": (parse_lines, b'{"' + b'\\"' * (MEGABYTES // 2) + b"\\"),
    "a line of empty strings": (parse_lines, b"{" + b'""' * (MEGABYTES // 2)),
    "records on one line": (parse_lines, SHORTEST * (MEGABYTES // len(SHORTEST))),
}


@pytest.mark.parametrize(("read", "body"), HOSTILE.values(), ids=HOSTILE)
def test_no_body_takes_many_times_its_own_memory(read, body):
    tracemalloc.start()
    try:
        with suppress(MalformedBodyError):
            assert not read(body, NOW).records
        assert tracemalloc.get_traced_memory()[1] < 5 * MEGABYTES
    finally:
        tracemalloc.stop()
