"""ASC: its header, its dates, its trigger blocks, and its lines."""

from zoneinfo import ZoneInfo

import pytest

from telemetry.adapters.can.logs import date
from tests.can_logs import Logged, frames_in, open_log, read

HEAD = "date Sam Sep 30 15:06:13.191 2017\nbase hex  timestamps absolute\n"
DATED_MS = 1506783973191


@pytest.fixture
def log(tmp_path):
    def make(text: str, zone: str = "UTC"):
        (tmp_path / "drive.asc").write_text(text)
        return open_log(tmp_path / "drive.asc", ZoneInfo(zone))

    return make


def times_ms(log) -> list[int]:
    return [round(int(time) / 1000) for frames in frames_in(log) for time in frames.times_us]


@pytest.mark.parametrize(
    "line",
    [
        "0.5 1  123             Rx   d 8 10 27 00 00 00 00 00 00  Length = 0 BitCount = 0 ID = 291",
        "0.5 1  123             Rx   d 8 10 27 00 00 00 00 00 00",
        "0,5 1  123  Rx   d 8 10 27 00 00 00 00 00 00",
        "0.5 1  123             Rx   d D 10 27 00 00 00 00 00 00",
        "0.5 CANFD   1 Rx        123                                   1 0 8  8 10 27 00 00 00 00 00 00   102203  133",
        "0.5 CANFD   1 Rx        123  Generic_Name_12                  1 1 8  8 10 27 00 00 00 00 00 00   102203  133",
    ],
)
def test_each_form_of_a_frame_is_read(log, line):
    assert read(log(f"{HEAD}{line}\n")) == [Logged(0, 0x123, bytes([0x10, 0x27, 0, 0, 0, 0, 0, 0]))]


def test_numbers_may_be_decimal(log):
    frames = read(
        log("date Sam Sep 30 15:06:13 2017\nbase dec timestamps absolute\n0.5 1 291 Rx d 3 16 39 255\n")
    )
    assert frames == [Logged(0, 291, bytes([16, 39, 255]))]


def test_long_frames_are_read(log):
    data = bytes(range(64))
    line = f"0.5 CANFD 4 Tx 1C4D80A7x AlphaName_2 1 0 f 64 {data.hex(' ')} 0 0 1000"
    assert read(log(f"{HEAD}{line}\n")) == [Logged(0, 0x1C4D80A7, data, is_extended=True, is_sent=True)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2.5 2 100 Tx r", "remote"),
        ("2.5 3 200 Tx r Length = 1704000 BitCount = 145 ID = 88888888x", "remote"),
        ("30.3 CANFD   3 Tx     50005x      0 1 5 0 140000 73 200050 7a60", "remote"),
        ("2.5 1 ErrorFrame ECC: 10100010", "error"),
        ("30.8 CANFD   5 Tx ErrorFrame Not Acknowledge error", "error"),
    ],
)
def test_remote_and_error_frames_are_skipped_and_counted(log, line, reason):
    found = log(f"{HEAD}{line}\n")
    assert not read(found)
    assert found.tally.skipped == {reason: 1}


@pytest.mark.parametrize(
    "line",
    [
        "0.000000 Start of measurement",
        "0.015991 CAN 1 Status:chip status error active",
        "1.015991 1  Statistic: D 0 R 0 XD 0 XR 0 E 0 O 0 B 0.00%",
        "//0.000000 previous log file: logfile_errorframes.asc",
        "no internal events logged",
        "End TriggerBlock",
        "",
    ],
)
def test_what_is_no_frame_is_none(log, line):
    found = log(f"{HEAD}{line}\n0.5 1 123 Rx d 1 00\n")
    assert len(read(found)) == found.tally.total == 1


@pytest.mark.parametrize(
    "line",
    [
        "   0.300000 1  123             Rx   d 8 12 2",
        "   0.300000 1  123             Rx   d 8 12",
        "   0.300000 1  123             Rx   d",
        "   0.300000 1  123             R",
        "   0.300000 1  12",
        "   0.300000 CANFD   1 Rx        300       1 0 8  8 11 c2 0",
        "   0.300000 CANFD   1 Rx        300       1 0",
        "   0.3",
        "   0.300000 1  1800             Rx   d 1 00",
        "   0.300000 1  123  Rx   d 41 00",
    ],
)
def test_what_breaks_off_or_is_no_frame_of_a_bus_is_unreadable(log, line):
    found = log(f"{HEAD}0.5 1 123 Rx d 1 00\n{line}")
    assert len(read(found)) == 1
    assert found.tally.unreadable == 1


def test_times_from_line_to_line_are_added_up_events_included(log):
    head = "date Sam Sep 30 15:06:13.191 2017\nbase hex  timestamps relative\n"
    found = log(f"{head}1.0 Start of measurement\n0.5 1 123 Rx d 1 00\n0.25 1 123 Rx d 1 00\n")
    assert times_ms(found) == [DATED_MS + 1500, DATED_MS + 1750]


def test_a_date_is_one_on_the_clock_of_the_zone(log):
    assert times_ms(log(f"{HEAD}0.5 1 123 Rx d 1 00\n", "Europe/Berlin")) == [DATED_MS + 500 - 7_200_000]


def block(date_: str, *times: float) -> str:
    lines = "".join(f"{time:.6f} 1 123 Rx d 1 00\n" for time in times)
    return f"Begin Triggerblock {date_}\n{lines}End TriggerBlock\n"


def test_times_of_trigger_blocks_count_from_the_start_of_the_measurement(log):
    text = (
        HEAD + block("Sam Sep 30 15:06:23.191 2017", 10.0, 11.0) + block("Sam Sep 30 15:07:13.191 2017", 60.0)
    )
    assert times_ms(log(text)) == [DATED_MS + 10_000, DATED_MS + 11_000, DATED_MS + 60_000]


def test_times_of_trigger_blocks_that_begin_anew_count_from_the_block(log):
    text = HEAD + block("Sam Sep 30 15:06:23.191 2017", 0.0, 1.0) + block("Sam Sep 30 15:07:13.191 2017", 0.0)
    assert times_ms(log(text)) == [DATED_MS + 10_000, DATED_MS + 11_000, DATED_MS + 60_000]


def test_the_date_of_a_trigger_block_is_enough(log):
    found = log("base hex timestamps absolute\n" + block("Sat Sep 30 03:06:13.191 PM 2017", 0.5))
    assert times_ms(found) == [DATED_MS + 500]
    assert found.is_dated
    assert found.tally.dateless is None


def test_a_trigger_block_without_a_date_changes_nothing(log):
    assert times_ms(log(HEAD + block("", 0.5))) == [DATED_MS + 500]


def test_a_date_that_is_not_understood_is_said(log):
    found = log("date Rhagfyr 13\nbase hex timestamps absolute\n0.5 1 123 Rx d 1 00\n")
    assert times_ms(found) == [500]
    assert not found.is_dated
    assert found.tally.dateless == "its date is of no known kind: 'Rhagfyr 13'"


def test_a_log_without_a_header_is_read_and_what_is_assumed_is_said(log):
    found = log("   0.100000 1  123             Rx   d 8 10 27 00 00 00 00 00 00\n")
    assert times_ms(found) == [100]
    assert found.tally.dateless == "its header names no date"
    (note,) = found.tally.notes
    assert note.startswith("its header names no base")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thu Apr 28 10:44:52.480 am 2022", "2022-04-28T10:44:52.480000"),
        ("Thu Apr 28 12:44:52 am 2022", "2022-04-28T00:44:52"),
        ("Tue May 27 04:09:35.000 pm 2014", "2014-05-27T16:09:35"),
        ("Tue May 27 12:09:35 pm 2014", "2014-05-27T12:09:35"),
        ("Son Mär 13 22:53:20 2019", "2019-03-13T22:53:20"),
        ("Mit Okt 2 08:00:00.5 2019", "2019-10-02T08:00:00.500000"),
        ("mar. janv. 15 08:00:00 2019", "2019-01-15T08:00:00"),
        ("mar. mars 5 08:00:00 2019", "2019-03-05T08:00:00"),
        ("jeu déc 5 08:00:00 2019", "2019-12-05T08:00:00"),
        ("gio dic 5 08:00:00 2019", "2019-12-05T08:00:00"),
        ("mié ago 5 08:00:00 2019", "2019-08-05T08:00:00"),
        ("Mar 5 08:00:00 2019", "2019-03-05T08:00:00"),
    ],
)
def test_dates_of_many_languages_are_read(text, expected):
    found = date.read(text)
    assert found is not None
    assert found.isoformat() == expected


@pytest.mark.parametrize(
    "text", ["", "Thu Apr 28 2022", "Thu Xyz 28 10:44:52 2022", "Fri Feb 31 10:00:00 2022"]
)
def test_what_is_no_date_is_none(text):
    assert date.read(text) is None
