"""Moments: RFC 3339 outside, epoch milliseconds inside."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telemetry.domain.contract.moment import epoch_ms, format_timestamp, parse_timestamp
from telemetry.domain.contract.parse import parse_json
from tests.builders import FIRST_MS, LAST_MS, MEASURED_MS, a_body


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (MEASURED_MS, "2025-10-19T12:34:56.123Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-1000, "1969-12-31T23:59:59.000Z"),
        (FIRST_MS, "0001-01-01T00:00:00.000Z"),
        (-30_610_224_000_001, "0999-12-31T23:59:59.999Z"),
        (LAST_MS, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_moment_is_written_with_four_digits_of_year_and_three_of_second(ms, text):
    assert format_timestamp(ms) == text
    assert parse_timestamp(text) == ms


@given(st.integers(FIRST_MS, LAST_MS))
@example(FIRST_MS)
@example(LAST_MS)
@example(-1)
def test_every_moment_of_the_calendar_is_written_exactly_and_read_back(ms):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    assert format_timestamp(ms) == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert epoch_ms(moment) == ms
    assert parse_timestamp(format_timestamp(ms)) == ms


@pytest.mark.parametrize("ms", [FIRST_MS - 1, LAST_MS + 1])
def test_there_is_no_moment_outside_the_calendar(ms):
    with pytest.raises(OverflowError):
        format_timestamp(ms)


@pytest.mark.parametrize(
    "text",
    [
        "2025-10-19T14:34:56.123+02:00",
        "2025-10-19T12:34:56.123999Z",
        "2025-10-19T12:34:56.123+00:00",
        "2025-10-19t12:34:56.123z",
        "2025-10-19 12:34:56.123Z",
    ],
)
def test_other_forms_of_a_moment_are_read_and_what_is_finer_is_cut_off(text):
    assert parse_timestamp(text) == MEASURED_MS


@given(
    st.integers(FIRST_MS // 1000 + 86_400, LAST_MS // 1000 - 86_400),
    st.text("0123456789", min_size=1, max_size=30),
    st.sampled_from([("Z", 0), ("z", 0), ("+00:00", 0), ("+05:30", 19_800), ("-23:59", -86_340)]),
)
@example(0, "9999999", ("Z", 0))
@example(-1, "9999999", ("+05:30", 19_800))
@example(0, "0009999999", ("Z", 0))
def test_a_fraction_of_any_length_is_cut_and_never_rounded(second, digits, offset):
    ending, seconds = offset
    whole = format_timestamp((second + seconds) * 1000).partition(".")[0]
    text = f"{whole}.{digits}{ending}"
    ms = 1000 * second + int(digits.ljust(3, "0")[:3])
    assert parse_timestamp(text) == ms
    good, bad = a_body(timestamp=text), b"{}"
    for body in (good, b"[" + good + b"]", b"[" + good + b"," + bad + b"]"):
        assert [record.timestamp_ms for record in parse_json(body, 0).records] == [ms]


def test_a_fraction_as_long_as_a_body_is_cut():
    assert parse_timestamp(f"2025-10-19T12:34:56.123{'9' * 1_000_000}Z") == MEASURED_MS


@pytest.mark.parametrize(
    "text", ["2025-10-19T12:34:60.123Z", "2025-10-19T12:34:60Z", "2016-12-31T23:59:60.9999999Z"]
)
def test_a_leap_second_is_no_moment(text):
    with pytest.raises(ValueError, match="^a leap second is not taken: send second 59 instead of 60$"):
        parse_timestamp(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59.999-00:01"])
def test_a_moment_whose_offset_leads_out_of_the_calendar_is_none(text):
    with pytest.raises(OverflowError):
        parse_timestamp(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2025-10-19",
        "2025-10-19T12:34:56.123",
        "2025-02-29T00:00:00.000Z",
        "2025-10-19T25:00:00.000Z",
        "2025-10-19T12:34:56.12xZ",
        "2025-10-19T12:34:5\u0666.123Z",
        "2025-10-19T12:34:56.\u0661\u0662\u0663Z",
        "2025-10-19T12:34:56.123ZZ",
        "2025-10-19T12:34:56.Z",
        "2025-10-19T12:34:56.1234.5Z",
        "2025-10-19T12:34:56.12345",
        "2025-10-19T12:34:56.1234\u0665Z",
    ],
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r"RFC3339|timezone"):
        parse_timestamp(text)
