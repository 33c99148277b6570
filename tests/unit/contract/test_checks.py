"""What a timestamp, a vehicle id and a CAN id may be."""

import pytest

from tests.builders import FIRST_MS, LAST_MS, MEASURED_MS, a_body
from tests.unit.contract.parsing import MEGABYTES, SHORT, accepted, refused


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2025-10-19T12:34:56.123Z", MEASURED_MS),
        ("2025-10-19T14:34:56.123+02:00", MEASURED_MS),
        ("2025-10-19T07:04:56.123-05:30", MEASURED_MS),
        ("2025-10-19T12:34:56.123999Z", MEASURED_MS),
        ("2025-10-19T12:34:56Z", MEASURED_MS - 123),
        ("1969-12-31T23:59:59.9995Z", -1),
        ("1969-12-31T23:59:59.9999999Z", -1),
        ("2025-10-19T12:34:56.1239999999Z", MEASURED_MS),
        ("2025-10-19T14:34:56.123999999999999999999+02:00", MEASURED_MS),
        ("2025-10-19t12:34:56.1239999999z", MEASURED_MS),
        ("2025-10-19T12:34:56.1Z", MEASURED_MS - 23),
        ("9999-12-31T23:59:59.9999999Z", LAST_MS),
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
    [
        "",
        "now",
        "2025-02-29T00:00:00Z",
        "2025-10-19",
        "2025-10-19T25:00:00Z",
        MEASURED_MS,
        MEASURED_MS / 1000,
        True,
    ],
)
def test_what_is_no_time_is_refused(value):
    assert refused(a_body(timestamp=value)).startswith("timestamp: ")


@pytest.mark.parametrize(
    "text", ["2016-12-31T23:59:60Z", "2016-12-31T23:59:60.500Z", "2017-01-01T00:59:60+01:00"]
)
def test_a_leap_second_is_refused_by_name(text):
    assert (
        refused(a_body(timestamp=text))
        == "timestamp: a leap second is not taken: send second 59 instead of 60"
    )


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
    ("text", "canonical"),
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
def test_a_can_id_has_one_form(text, canonical):
    assert accepted(a_body(can_id=text)).can_id == canonical


@pytest.mark.parametrize(
    "can_id",
    [
        "0x20000000",
        "0xFFFFFFFF",
        "0x000000001",
        "0x",
        "1F0",
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


@pytest.mark.parametrize("can_id", ["0X1F0", "0X", "0XG", "0X1FFFFFFF"])
def test_a_can_id_that_begins_with_a_capital_x_is_refused_by_name(can_id):
    assert refused(a_body(can_id=can_id)) == "can_id: it begins with 0x, not with 0X"
