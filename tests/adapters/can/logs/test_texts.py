"""What is particular to the other logs of lines."""

from zoneinfo import ZoneInfo

import pytest

from tests.can_logs import Logged, frames_in, open_log, read


@pytest.fixture
def log(tmp_path):
    def make(text: str, zone: str = "UTC"):
        (tmp_path / "drive.txt").write_text(text)
        return open_log(tmp_path / "drive.txt", ZoneInfo(zone))

    return make


def times_ms(log) -> list[int]:
    return [round(int(time) / 1000) for frames in frames_in(log) for time in frames.times_us]


class TestConsole:
    def test_without_times_it_says_how_to_log_them(self, log):
        found = log("  can0  123   [8]  10 27 00 00 00 00 00 00\n")
        assert not read(found)
        assert "it has no time: log with candump -L, or with -ta" in found.tally.examples[0]

    def test_times_from_frame_to_frame_are_added_up(self, log):
        found = log(
            "".join(f" ({at})  can0  123   [1]  10\n" for at in ("000.000000", "000.500000", "000.100000"))
        )
        assert times_ms(found) == [0, 500, 600]
        assert not found.is_dated

    def test_times_from_the_first_frame_on_stay(self, log):
        found = log(
            "".join(f" ({at})  can0  123   [1]  10\n" for at in ("000.000000", "000.100000", "000.500000"))
        )
        assert times_ms(found) == [0, 100, 500]

    def test_times_as_dates_are_those_of_the_zone(self, log):
        found = log(" (2022-04-28 10:44:52.480123)  can0  123   [1]  10\n", "Europe/Berlin")
        assert times_ms(found) == [1651135492480]
        assert found.is_dated

    def test_colours_ascii_and_the_meaning_of_error_frames_are_left_out(self, log):
        found = log(
            "\x1b[31m (1764000000.000000)  can0  123   [2]  10 27\x1b[0m   '.''\n"
            " (1764000000.1)  can0  20000080   [8]  00 00 00 00 00 00 00 00   ERRORFRAME\n\tbus-error\n"
            " (1764000000.2)  can0  123   [0]  remote request\n"
            " (1764000000.3)  can0  123   [02]  00010000 00000001\n"
        )
        assert [frame.data for frame in read(found)] == [b"\x10\x27", b"\x10\x01"]
        assert found.tally.skipped == {"error": 1, "remote": 1}


class TestGvret:
    HEAD = "Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\n"

    def test_an_older_form_says_no_direction(self, log):
        found = log("Time Stamp,ID,Extended,Bus,LEN,D1,D2\n1000,00000112,false,1,2,FA,1F\n")
        assert read(found) == [Logged(0, 0x112, b"\xfa\x1f")]
        assert not found.is_dated

    def test_times_may_be_negative_and_the_flag_of_an_extended_id_may_be_missing(self, log):
        found = log(f"{self.HEAD}-1621841258546081,18FF0001,false,Rx,0,1,12,\n")
        (frame,) = read(found)
        assert frame.is_extended
        assert times_ms(found) == [-1621841258546]

    @pytest.mark.parametrize(
        "line", ["1000,00000112,false,Rx,0", "1000,00000112,false,Rx,0,2,FA", "x,1,false,Rx,0,0"]
    )
    def test_what_breaks_off_is_unreadable(self, log, line):
        found = log(f"{self.HEAD}{line}\n")
        assert not read(found)
        assert found.tally.unreadable == 1


class TestTrc:
    def test_status_and_error_lines_are_skipped(self, log):
        found = log(
            ";$FILEVERSION=2.0\n;$STARTTIME=44548.6028595139\n;$COLUMNS=N,O,T,I,d,l,D\n"
            "      1     17535.400 DT 00000100 Tx 8  00 00 00 00 00 00 00 01\n"
            "      2     17540.300 ST          Rx    00 00 00 08\n"
            "      3     17541.300 RR     0100 Rx 8\n"
            "      4     17542.300 ZZ     0100 Rx 8\n"
        )
        assert [frame.data for frame in read(found)] == [bytes([0, 0, 0, 0, 0, 0, 0, 1])]
        assert found.tally.skipped == {"status": 1, "remote": 1}
        assert found.tally.unreadable == 1
        assert times_ms(found) == [1639837704597]

    def test_the_first_version_names_no_type(self, log):
        found = log(
            ";   Start time: 18.12.2021 14:28:07.062\n"
            "     1)     17535  00000100  2  00 01\n"
            "     2)     17540  FFFFFFFF  4  00 00 00 08 -- -- -- -- BUSHEAVY\n"
            "     3)     17541      0100  2  RTR\n"
        )
        assert read(found) == [Logged(0, 0x100, b"\0\1", is_extended=True)]
        assert found.tally.skipped == {"status": 1, "remote": 1}
        assert times_ms(found) == [1639837704597]

    def test_lengths_of_can_fd_are_codes(self, log):
        found = log(
            ";$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n"
            f"      1     1.000 FD 1      0100 Rx -  9    {bytes(12).hex(' ')}\n"
        )
        assert [len(frame.data) for frame in read(found)] == [12]
        assert found.tally.dateless == "its header names no date"

    def test_an_unknown_version_without_columns_is_refused(self, log):
        found = log(";$FILEVERSION=1.9\n     1)     17535  00000100  2  00 01\n")
        assert not read(found)
        assert found.tally.examples[0].startswith("line 2: version 1.9 is not known, and it names no columns")


class TestBusMaster:
    HEAD = "***BUSMASTER Ver 2.4.0***\n***START DATE AND TIME 22:8:2016 23:59:59:900***\n"

    def test_the_time_of_the_day_begins_anew_at_midnight(self, log):
        found = log(
            f"{self.HEAD}***SYSTEM MODE***\n23:59:59:9000 Rx 1 0x123 s 1 00\n0:0:0:1000 Rx 1 0x123 s 1 00\n"
        )
        assert times_ms(found) == [1471910399900, 1471910400100]

    def test_times_may_count_from_the_start_or_from_the_line_before(self, log):
        lines = "0:0:1:0000 Rx 1 0x123 s 1 00\n0:0:0:5000 Rx 1 0x123 sr 1\n0:0:1:0000 Tx 2 0x123 s 1 00\n"
        assert times_ms(log(f"{self.HEAD}***RELATIVE MODE***\n{lines}")) == [1471910400900, 1471910402400]
        lines = "0:0:1:0000 Rx 1 0x123 s 1 00\n0:0:2:0000 Tx 2 0x123 s 1 00\n"
        assert times_ms(log(f"{self.HEAD}***ABSOLUTE MODE***\n{lines}")) == [1471910400900, 1471910401900]

    def test_numbers_may_be_decimal(self, log):
        found = log("***BUSMASTER Ver 2.4.0***\n***DEC***\n0:0:1:0000 Rx 1 291 s 2 016 255\n")
        assert read(found) == [Logged(0, 291, b"\x10\xff")]
        assert found.tally.dateless == "its header names no date"

    @pytest.mark.parametrize("line", ["0:0:1:0000 Rx 1", "0:0:1:0000 Rx 1 0x123 s 2 00"])
    def test_what_breaks_off_is_unreadable(self, log, line):
        found = log(f"{self.HEAD}{line}\n")
        assert not read(found)
        assert found.tally.unreadable == 1


class TestCsv:
    HEAD = "timestamp,arbitration_id,extended,remote,error,dlc,data\n"

    def test_remote_and_error_frames_are_skipped(self, log):
        found = log(f"{self.HEAD}1.0,0x123,0,1,0,0,\n1.0,0x0,0,0,1,0,\n")
        assert not read(found)
        assert found.tally.skipped == {"remote": 1, "error": 1}

    @pytest.mark.parametrize(
        "line", ["1.0,0x123,0,0,0,3,AQ", "1.0,0x123,0,0,0,3,AQI=", "1.0,0x123,0", "x,0x1,0,0,0,0,"]
    )
    def test_what_breaks_off_is_unreadable(self, log, line):
        found = log(f"{self.HEAD}{line}\n")
        assert not read(found)
        assert found.tally.unreadable == 1


class TestCrtd:
    def test_buses_events_and_comments(self, log):
        found = log(
            "100.602 CXX Info Type:crtd\n101.5 R11 7DF 02 01\n101.6 2T29 18DAF110 02\n101.7 CEV Event vehicle.on\n\n"
        )
        assert [frame.can_id for frame in read(found)] == [0x7DF, 0x18DAF110]
        assert found.tally.total == 2
        assert {frames.names[bus] for frames in frames_in(found) for bus in frames.buses} == {"1", "2"}
