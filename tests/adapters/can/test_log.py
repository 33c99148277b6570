import gzip
from collections.abc import Sequence
from pathlib import Path

import can
import pytest

from telemetry.adapters.can.log import CanLog, CanRecorder
from telemetry.domain.can.frame import Frame, UnreadableError

SUFFIXES = [".log", ".asc", ".blf"]
FRAMES = [
    Frame(1_571_000_000.0, 0x112, bytes.fromhex("FA1FC30DB7719558")),
    Frame(1_571_000_000.25, 0x12345678, b"\x01\x02", is_extended=True),
    Frame(1_571_000_001.5, 0x7FF, b""),
]


def messages(frames: Sequence[Frame]) -> Sequence[can.Message]:
    return [
        can.Message(
            timestamp=frame.timestamp_s,
            arbitration_id=frame.can_id,
            data=frame.data,
            is_extended_id=frame.is_extended,
        )
        for frame in frames
    ]


def write(path: Path, written: Sequence[can.Message]) -> Path:
    with can.Logger(path) as logger:
        for message in written:
            logger(message)
    return path


def squeeze(path: Path) -> Path:
    squeezed = path.with_name(f"{path.name}.gz")
    squeezed.write_bytes(gzip.compress(path.read_bytes()))
    return squeezed


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path) -> Path:
    return write(tmp_path / f"drive.2019-10-13{request.param}", messages(FRAMES))


def since_first(frames: Sequence[Frame]) -> Sequence[Frame]:
    return [
        frame._replace(timestamp_s=round(frame.timestamp_s - frames[0].timestamp_s, 6)) for frame in frames
    ]


def test_every_format_gives_the_frames_in_order_with_the_time_between_them(path):
    log = CanLog(path)
    assert since_first(list(log)) == since_first(FRAMES)
    assert log.fault is None
    assert log.position == log.size > 0


def test_every_format_may_be_gzipped(path):
    log = CanLog(squeeze(path))
    assert since_first(list(log)) == since_first(FRAMES)
    assert log.fault is None


def test_the_suffix_may_be_in_capitals(tmp_path):
    path = write(tmp_path / "drive.log", messages(FRAMES))
    assert list(CanLog(path.rename(tmp_path / "DRIVE.LOG"))) == FRAMES


@pytest.mark.parametrize("suffix", [".log", ".blf"])
def test_formats_that_count_from_the_epoch_keep_it(tmp_path, suffix):
    path = write(tmp_path / f"drive{suffix}", messages(FRAMES))
    assert [frame.timestamp_s for frame in CanLog(path)] == [frame.timestamp_s for frame in FRAMES]


def test_an_asc_log_counts_from_its_beginning_or_if_asked_from_the_epoch(tmp_path):
    path = write(tmp_path / "drive.asc", messages(FRAMES))
    assert [frame.timestamp_s for frame in CanLog(path)] == [0.0, 0.25, 1.5]
    assert [frame.timestamp_s for frame in CanLog(path, absolute=True)] == pytest.approx(
        [frame.timestamp_s for frame in FRAMES], abs=1e-3
    )


def test_a_date_of_another_language_does_not_keep_a_log_from_being_read(tmp_path):
    path = write(tmp_path / "drive.asc", messages(FRAMES))
    text = path.read_bytes()
    path.write_bytes(b"date Son M\xe4r 13 22:53:20 2019\n" + text[text.index(b"\n") + 1 :])
    assert len(list(CanLog(path))) == 3


def test_an_asc_log_that_counts_from_line_to_line_says_how_to_export_it(tmp_path):
    path = write(tmp_path / "drive.asc", messages(FRAMES))
    path.write_text(path.read_text().replace("timestamps absolute", "timestamps relative"))
    log = CanLog(path)
    assert not list(log)
    assert log.fault is not None
    assert log.fault.endswith("export it with absolute timestamps")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_remote_and_error_frames_are_skipped_and_counted(tmp_path, suffix):
    remote = can.Message(timestamp=1.0, arbitration_id=0x112, is_remote_frame=True, is_extended_id=False)
    error = can.Message(timestamp=2.0, is_error_frame=True)
    log = CanLog(write(tmp_path / f"drive{suffix}", [remote, error, error, *messages(FRAMES)]))
    assert len(list(log)) == 3
    assert log.skipped == {"remote": 1, "error": 2}


def test_a_line_that_breaks_off_within_a_byte_gives_the_whole_bytes(tmp_path):
    path = tmp_path / "drive.log"
    path.write_text("(1.000000) can0 112#FA1FC")
    assert [frame.data for frame in CanLog(path)] == [b"\xfa\x1f"]


@pytest.mark.parametrize(
    "rest", [b"(2.0", b"  can0  112   [8]  FA 1F\n", b"\xff\xfe\x00", b"(2.0) can0 112#XY\n"]
)
def test_a_damaged_log_gives_what_came_before_and_says_where_it_ends(tmp_path, rest):
    path = write(tmp_path / "drive.log", messages(FRAMES))
    with path.open("ab") as file:
        file.write(rest)
    log = CanLog(path)
    assert list(log) == FRAMES
    assert log.fault is not None
    assert log.fault.startswith(f"{path}: it cannot be read on as candump -L: ")


def test_a_gzip_file_that_breaks_off_gives_what_came_before(tmp_path):
    path = squeeze(write(tmp_path / "drive.log", messages(FRAMES * 1000)))
    path.write_bytes(path.read_bytes()[:-20])
    log = CanLog(path)
    assert 0 < len(list(log)) < 3000
    assert log.fault is not None
    assert "end-of-stream" in log.fault


def test_a_blf_file_that_breaks_off_says_so(tmp_path):
    path = write(tmp_path / "drive.blf", messages(FRAMES * 20_000))
    path.write_bytes(path.read_bytes()[:-2000])
    log = CanLog(path)
    assert 0 < len(list(log)) < 60_000
    assert log.fault is not None
    assert "it says that it has" in log.fault


def test_a_file_that_is_no_blf_says_so(tmp_path):
    (tmp_path / "drive.blf").write_bytes(b"(1.0) can0 112#00" * 20)
    log = CanLog(tmp_path / "drive.blf")
    assert not list(log)
    assert log.fault is not None
    assert "Vector BLF" in log.fault


@pytest.mark.parametrize("name", ["drive", "drive.txt", "drive.gz", "drive.log.zip", ".log.gz.old"])
def test_a_suffix_that_says_nothing_is_refused_and_the_known_ones_are_named(tmp_path, name):
    with pytest.raises(UnreadableError, match=r"name it \.log \(candump -L\), \.asc .*, \.blf"):
        CanLog(tmp_path / name)


def test_a_log_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"drive\.log"):
        CanLog(tmp_path / "drive.log")


def test_a_log_may_be_left_before_its_end(tmp_path):
    path = write(tmp_path / "drive.log", messages(FRAMES))
    frames = iter(CanLog(path))
    assert next(frames) == FRAMES[0]
    del frames


def test_a_real_log_is_read_to_its_end(real_data):
    log = CanLog(real_data / "i3_can_logs" / "2019_ionity_enda.log.gz")
    frames = list(log)
    assert (len(frames), log.fault, log.skipped) == (50_924, None, {})
    assert frames[-1] == Frame(33.022563, 0x112, bytes.fromhex("FA1FC30DB7719558"))


@pytest.mark.parametrize("name", [f"drive{suffix}" for suffix in SUFFIXES] + ["drive.1.LOG"])
def test_what_is_recorded_is_read_back(tmp_path, name):
    with CanRecorder(tmp_path / name) as recorder:
        for frame in FRAMES:
            recorder.write(frame)
    log = CanLog(tmp_path / name)
    assert since_first(list(log)) == since_first(FRAMES)
    assert log.fault is None


@pytest.mark.parametrize("name", ["drive", "drive.txt", "drive.log.gz"])
def test_a_recording_of_no_known_kind_is_refused_and_the_known_ones_are_named(tmp_path, name):
    with pytest.raises(UnreadableError, match=r"name it \.log \(candump -L\), \.asc .*, \.blf"):
        CanRecorder(tmp_path / name)


def test_a_recording_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"drive\.log"):
        CanRecorder(tmp_path / "none" / "drive.log")
