"""Logs that are written: what is recorded is read back."""

import os
import time
from zoneinfo import ZoneInfo

import pytest

from telemetry.adapters.can.logs.record import CanRecorder
from telemetry.domain.can.frame import Frame, UnreadableError
from tests.builders import LOGGED_S
from tests.can_logs import frames_in, open_log, read_frames

SUFFIXES = [".log", ".asc", ".blf", ".trc", ".csv", ".mf4"]
FRAMES = [
    Frame(LOGGED_S + 0.25, 0x112, bytes.fromhex("FA1FC30DB7719558")),
    Frame(LOGGED_S + 0.5, 0x12345678, b"\x01\x02", is_extended=True),
    Frame(LOGGED_S + 1.75, 0x7FF, b""),
]


@pytest.fixture(params=["UTC", "America/New_York"])
def _zone(request, monkeypatch):
    """The time zone of this machine."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_zone")
@pytest.mark.parametrize("name", [f"drive{suffix}" for suffix in SUFFIXES] + ["drive.1.LOG"])
def test_what_is_recorded_is_read_back_with_its_times_wherever_the_machine_is(tmp_path, name):
    with CanRecorder(tmp_path / name) as recorder:
        for frame in FRAMES:
            recorder.write(frame)
    log = open_log(tmp_path / name, ZoneInfo(os.environ["TZ"]))
    found = [time_us for frames in frames_in(log) for time_us in frames.times_us.tolist()]
    assert found == [pytest.approx(frame.timestamp_s * 1e6, abs=1000) for frame in FRAMES]
    assert [frame[1:4] for frame in read_frames(tmp_path / name)] == [frame[1:4] for frame in FRAMES]
    assert log.tally.fault is None


@pytest.mark.parametrize("name", ["drive", "drive.txt", "drive.log.gz"])
def test_a_recording_of_no_known_kind_is_refused_and_the_known_ones_are_named(tmp_path, name):
    with pytest.raises(UnreadableError, match=r"name it \.log \(candump -L\), \.asc .*, \.blf .*, \.trc"):
        CanRecorder(tmp_path / name)


def test_an_mdf_file_without_its_extra_names_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr("can.io.mf4.asammdf", None)
    with pytest.raises(
        UnreadableError, match=r"asammdf is not installed: pip install 'battery-telemetry\[mf4\]'"
    ):
        CanRecorder(tmp_path / "drive.mf4")


def test_a_recording_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"drive\.log"):
        CanRecorder(tmp_path / "none" / "drive.log")
