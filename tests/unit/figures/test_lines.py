"""From lines to columns: each way of reading finds the same records."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour, start_ms
from telemetry.domain.contract.record import Record
from telemetry.domain.figures import guess, lines
from telemetry.domain.figures.columns import Columns
from telemetry.domain.store.objects import LineFaults
from tests.builders import HOUR, NOW, a_record, numbers, payloads

IDS = st.sampled_from(["v", "veh-00001", "veh-00002", "a" * 31, "b" * 32, "c" * 64, "ü", "", "x" * 300])
RECORDS = st.builds(
    Record,
    timestamp_ms=st.integers(HOUR * HOUR_MS, (HOUR + 1) * HOUR_MS - 1),
    vehicle_id=IDS,
    can_id=st.sampled_from(["0x1", "0x1F0", "0x1FFFFFFF"]),
    payload=payloads({name: numbers() for name in ("x", "y", "z" * 40)}) | st.just({}),
    received_ms=st.sampled_from([NOW, NOW + 1, NOW + 7 * HOUR_MS, 0]),
)
CANONICAL = codec.encode_lines([a_record()])


def read(content: bytes) -> Columns:
    faults = LineFaults()
    found = lines.read(content, HOUR, faults)
    assert not faults.count
    return found


def records_of(columns: Columns) -> list[Record]:
    fields = zip(
        columns.stream.tolist(),
        columns.offset.tolist(),
        columns.received.tolist(),
        columns.payloads(),
        strict=True,
    )
    return [
        Record(start_ms(HOUR) + offset, vehicle_id, can_id, dict(payload), received)
        for stream, offset, received, payload in fields
        for vehicle_id, can_id in [columns.streams[stream]]
    ]


def in_order(records: Sequence[Record]) -> list[tuple[object, ...]]:
    keys = [
        (each.vehicle_id, each.can_id, each.timestamp_ms, each.received_ms, sorted(each.payload.items()))
        for each in records
    ]
    return sorted(keys)


@given(st.lists(RECORDS, min_size=1, max_size=20))
def test_what_is_read_is_what_was_written(records):
    columns = read(codec.encode_lines(records))
    assert in_order(records_of(columns)) == in_order(records)
    assert list(columns.streams) == sorted({(each.vehicle_id, each.can_id) for each in records})


@given(st.lists(RECORDS, min_size=1, max_size=20))
def test_each_way_of_reading_finds_the_same(records):
    content = codec.encode_lines(records)
    at_once = lines._read_any(content, len(records), HOUR)
    one_by_one = lines._of_records(list(lines._records(content.splitlines(), HOUR, LineFaults())), HOUR)
    assert in_order(records_of(at_once)) == in_order(records_of(one_by_one)) == in_order(records)


@given(st.data(), st.integers(0, 40))
def test_records_with_the_signals_of_the_first_or_some_of_them_are_read_by_guessing(data, count):
    names = [f"signal_{number}" for number in range(count)]
    drawn = data.draw(
        st.lists(st.sets(st.sampled_from(names)) if names else st.just(set()), min_size=1, max_size=5)
    )
    records = [
        a_record(timestamp_ms=NOW + at, payload={name: float(at) for name in chosen})
        for at, chosen in enumerate([names, *drawn])
    ]
    columns = guess.read(codec.encode_lines(records), len(records), HOUR)
    assert in_order(records_of(columns)) == in_order(records)


@pytest.mark.parametrize("lengths", [(2, 2, 2), (2, 3, 1), (31, 32), (1, 64, 31, 1)])
def test_ids_of_any_lengths_are_read_by_guessing(lengths):
    records = [a_record(vehicle_id="v" * length, timestamp_ms=NOW + at) for at, length in enumerate(lengths)]
    columns = guess.read(codec.encode_lines(records), len(records), HOUR)
    assert in_order(records_of(columns)) == in_order(records)


def guessed(content: bytes) -> Columns:
    return guess.read(content, content.count(b"\n"), HOUR)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"0Z", b"0+00:00"),
        (b"0Z", b"01Z"),
        (b"battery_current", b"battery_power"),
        (b"-15.3", b"null"),
        (b"-15.3", b"1e999"),
        (b"-15.3", b'"x"'),
        (b"T14:", b"T15:"),
        (b"T14:", b"T13:"),
        (b"{", b"[{"),
    ],
)
def test_a_line_unlike_the_first_is_not_guessed(old, new):
    guessed(CANONICAL)
    with pytest.raises(ValueError, match=r"."):
        guessed(CANONICAL + CANONICAL.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b",", b" , "),
        (b".200Z", b".200+00:00"),
        (b".000Z", b".0001Z"),
        (b"T14:30:00.000Z", b"T16:30:00.000+02:00"),
        (b"}\n", b"} \n"),
        (b"}\n", b"}\r\n"),
        (b"}\n", b"}"),
        (b"}\n", b',"more":{"a":[1]}}\n'),
        (b'"vehicle_id"', b'"vehicle_id":"another","vehicle_id"'),
        (b"-15.3", b"-15.30000"),
        (b"-15.3", b"-153e-1"),
        (b"veh", b"v\\u0065h"),
    ],
)
def test_lines_in_another_spelling_are_the_same_records(old, new):
    record = a_record(timestamp_ms=NOW)
    for content in (CANONICAL + CANONICAL.replace(old, new), CANONICAL.replace(old, new)):
        found = records_of(read(content))
        assert found == [record] * len(found)


def test_fields_in_another_order_are_the_same_record():
    fields = msgspec.json.decode(CANONICAL)
    content = msgspec.json.encode(dict(reversed(fields.items()))) + b"\n"
    assert records_of(read(content)) == [a_record()]


def faults_of(content: bytes, hour: Hour = HOUR) -> tuple[int, LineFaults]:
    faults = LineFaults()
    return lines.read(content, hour, faults).size, faults


@pytest.mark.parametrize(
    ("content", "size", "count", "first"),
    [
        (b"", 0, 0, ""),
        (b"\n", 0, 1, "line 1: "),
        (CANONICAL + b"\n" + CANONICAL, 2, 1, "line 2: "),
        (CANONICAL + b"torn", 1, 1, "line 2: "),
        (CANONICAL.rstrip() + b" " + CANONICAL, 0, 1, "line 1: "),
        (CANONICAL + CANONICAL.rstrip() + b" " + CANONICAL, 1, 1, "line 2: "),
        (CANONICAL.replace(b",", b",\n", 1) + CANONICAL, 1, 2, "line 1: "),
        (CANONICAL.replace(b",", b",\r", 1) + CANONICAL, 1, 2, "line 1: "),
        (CANONICAL.rstrip() + CANONICAL + CANONICAL.replace(b":{", b":\n{"), 0, 3, "line 1: "),
        (CANONICAL + CANONICAL.replace(b"T14", b"T15"), 1, 1, "line 2: it belongs to another hour"),
        (CANONICAL + CANONICAL.replace(b"30:00.0", b"60:00.0"), 1, 1, "line 2: "),
        (CANONICAL + CANONICAL.replace(b"85.5", b"NaN"), 1, 1, "line 2: "),
        (CANONICAL + CANONICAL.replace(b".200Z", b".200"), 1, 1, "line 2: "),
        (CANONICAL + b"{}\n", 1, 1, "line 2: "),
        (b'{"x":1}\n', 0, 1, "line 1: "),
    ],
    ids=repr,
)
def test_lines_that_are_no_record_of_the_hour_are_named_by_their_number(content, size, count, first):
    found, faults = faults_of(content)
    assert (found, faults.count) == (size, count)
    assert faults.first.startswith(first)


def test_minus_zero_is_read_as_zero():
    columns = read(codec.encode_lines([a_record(payload={"x": -0.0})]))
    assert not np.signbit(columns.dense).any()
