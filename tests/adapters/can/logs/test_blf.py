"""BLF: what is damaged in it, and what it holds besides classic frames."""

import zlib
from pathlib import Path
from struct import pack
from zoneinfo import ZoneInfo

import can
import pytest

from tests.can_logs import FRAMES, UTC_ZONE, Logged, binary, frames_in, open_log, read

ROWS = [FRAMES[0]._replace(at_ms=row, data=row.to_bytes(8)) for row in range(30_000)]


def made(path: Path, *messages: can.Message) -> Path:
    with can.Logger(path) as logger:
        for message in messages:
            logger(message)
    return path


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    binary(ROWS, tmp_path / "drive.blf")
    return tmp_path / "drive.blf"


def test_the_date_is_one_on_the_clock_of_the_zone(whole):
    first = {
        zone: next(frames_in(open_log(whole, ZoneInfo(zone)))).times_us[0]
        for zone in ("UTC", "Europe/Berlin")
    }
    assert first["UTC"] - first["Europe/Berlin"] == 7_200_000_000


def test_frames_of_can_fd_remote_and_error_frames(tmp_path):
    path = made(
        tmp_path / "drive.blf",
        can.Message(
            timestamp=1.7e9, arbitration_id=0x123, is_extended_id=False, is_fd=True, data=bytes(range(48))
        ),
        can.Message(timestamp=1.7e9 + 1, arbitration_id=0x123, is_extended_id=False, is_remote_frame=True),
        can.Message(timestamp=1.7e9 + 2, is_error_frame=True),
    )
    log = open_log(path)
    assert read(log) == [Logged(0, 0x123, bytes(range(48)))]
    assert log.tally.skipped == {"remote": 1, "error": 1}


def test_a_file_that_breaks_off_says_so_after_the_frames_before(whole):
    size = whole.stat().st_size
    whole.write_bytes(whole.read_bytes()[:-2000])
    log = open_log(whole)
    frames = read(log)
    assert frames == ROWS[: len(frames)]
    assert 0 < len(frames) < len(ROWS)
    assert log.tally.fault == f"it says that it has {size} bytes, and has {size - 2000}"


@pytest.mark.parametrize("damage", [b"\xff" * 100, b"LOBJ" + b"\0" * 30])
def test_damage_in_the_middle_costs_a_container_and_no_more(whole, damage):
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(damage)] = damage
    whole.write_bytes(data)
    log = open_log(whole)
    frames = read(log)
    assert len(ROWS) * 0.7 < len(frames) < len(ROWS)
    assert frames[-1].data == ROWS[-1].data
    assert log.tally.unreadable > 0


def objects(*each: tuple[int, bytes]) -> bytes:
    """Make a file of objects; each has its kind, and what follows its head."""
    body = b""
    for kind, content in each:
        head = pack("<4sHHIIIHHQ", b"LOBJ", 32, 1, 32 + len(content), kind, 2, 0, 0, 5_000_000)
        body += (head + content).ljust(-(-(32 + len(content)) // 4) * 4, b"\0")
    packed = zlib.compress(body)
    container = pack("<4sHHIIHHIII", b"LOBJ", 16, 1, 32 + len(packed), 10, 2, 0, 0, len(body), 0) + packed
    start = pack("<8H", 2022, 4, 4, 28, 10, 44, 52, 480)
    head = pack("<4sI8xQQII", b"LOGG", 144, 144 + len(container), 0, 1, 0) + start
    return head.ljust(144, b"\0") + container


def test_what_is_no_frame_is_passed_over_and_a_frame_of_another_size_is_unreadable(tmp_path):
    classic = pack("<HBBI8s", 2, 1, 3, 0x18FF0001, b"abcdefgh")
    path = tmp_path / "drive.blf"
    path.write_bytes(
        objects((96, bytes(40)), (1, classic), (3, bytes(8)), (86, classic[:7]), (104, bytes(8)))
    )
    log = open_log(path, UTC_ZONE)
    assert read(log) == [Logged(0, 0x18FF0001, b"abc", is_extended=True, is_sent=True)]
    assert next(frames_in(log)).times_us[0] == 1651142692485000
    assert log.tally.skipped == {"overload": 1, "error": 1}
    assert (log.tally.unreadable, log.tally.total) == (1, 4)


@pytest.mark.parametrize(("flags", "sent"), [(0x1000, 0), (0x1010, 1)])
def test_long_frames_of_can_fd_may_leave_out_the_zeros_at_their_end(tmp_path, flags, sent):
    content = pack("<BBBBIIIIIIIHBBI", 3, 15, 64, 0, 0x123, 0, flags, 0, 0, 0, 0, 0, sent, 0, 0) + b"\1\2\3\4"
    path = tmp_path / "drive.blf"
    path.write_bytes(objects((101, content)))
    log = open_log(path)
    expected = [] if flags & 0x10 else [Logged(0, 0x123, b"\1\2\3\4".ljust(64, b"\0"))]
    assert read(log) == expected
    assert log.tally.skipped == ({"remote": 1} if flags & 0x10 else {})


def test_a_remote_frame_of_can_fd_is_skipped(tmp_path):
    content = pack("<HBBIIBBB5x64s", 1, 0x80, 0, 0x123, 0, 0, 1, 0, b"")
    path = tmp_path / "drive.blf"
    path.write_bytes(objects((100, content)))
    log = open_log(path)
    assert not read(log)
    assert log.tally.skipped == {"remote": 1}


def test_a_file_without_a_date_counts_from_its_own_start(tmp_path):
    made(tmp_path / "drive.blf", can.Message(timestamp=5.0, arbitration_id=1, is_extended_id=False))
    log = open_log(tmp_path / "drive.blf")
    assert len(read(log)) == 1
    assert not log.is_dated
    assert log.tally.dateless == "its header has no date"


def test_objects_outside_of_containers_are_read(tmp_path):
    classic = pack("<HBBI8s", 2, 0, 3, 0x123, b"abcdefgh")
    head = pack("<4sHHIIIHHQ", b"LOBJ", 32, 1, 48, 1, 1, 0, 0, 50_000)
    plain = pack("<4sHHIIHHIII", b"LOBJ", 16, 1, 32 + 48, 10, 0, 0, 0, 48, 0) + head + classic
    whole = objects() + head + classic + plain
    (tmp_path / "drive.blf").write_bytes(whole)
    log = open_log(tmp_path / "drive.blf")
    assert [frame.data for frame in read(log)] == [b"abc", b"abc"]


def test_a_head_that_breaks_off_gives_no_frame_and_a_fault(tmp_path):
    (tmp_path / "drive.blf").write_bytes(b"LOGG" + bytes(8))
    assert not read(open_log(tmp_path / "drive.blf"))
