"""MDF files: several groups, long frames, and what is damaged."""

import sys
from pathlib import Path

import can
import numpy as np
import pytest
from asammdf import MDF, Signal

from telemetry.adapters.can.catalogue import BMW_I3
from telemetry.domain.can.frame import UnreadableError
from telemetry.domain.can.measured import Measured
from tests.can_logs import FRAMES, Logged, binary, frames_in, open_log, read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "drive.mf4"


def write(path: Path, *messages: can.Message) -> None:
    with can.Logger(path) as logger:
        for message in messages:
            logger(message)


def test_frames_of_many_groups_are_in_the_order_of_their_times(path, tmp_path):
    messages = [
        can.Message(
            timestamp=1.7e9 + number / 10, arbitration_id=0x123, data=bytes([number]), channel=number % 2
        )
        for number in range(30)
    ]
    messages[7].is_fd, messages[7].data, messages[7].dlc = True, bytearray(48), 48
    parts = [tmp_path / f"{number}.mf4" for number in range(2)]
    for place, part in enumerate(parts):
        write(part, *messages[place::2])
    with MDF.stack(parts) as whole:
        whole.header.start_time = MDF(parts[0]).header.start_time
        whole.save(path)
    log = open_log(path)
    assert [each.data for each in read(log)] == [bytes(message.data) for message in messages]
    assert {frames.names[bus] for frames in frames_in(log) for bus in frames.buses} == {"0", "1"}


def test_remote_and_error_frames_are_skipped_and_counted(path):
    write(
        path,
        can.Message(timestamp=1.7e9, arbitration_id=0x123, is_extended_id=False, is_remote_frame=True),
        can.Message(timestamp=1.7e9, is_error_frame=True),
        can.Message(timestamp=1.7e9, arbitration_id=0x123, is_extended_id=False, data=b"\1"),
    )
    log = open_log(path)
    assert read(log) == [Logged(0, 0x123, b"\1")]
    assert log.tally.skipped == {"remote": 1, "error": 1}


@pytest.mark.long
def test_many_frames_are_read_some_at_a_time(path):
    rows = [FRAMES[0]._replace(at_ms=row, data=row.to_bytes(8)) for row in range(70_000)]
    binary(rows, path)
    blocks = [frames.size for frames in frames_in(open_log(path))]
    assert len(blocks) > 1
    assert read(open_log(path)) == rows


def test_a_file_that_breaks_off_says_so(path):
    binary(FRAMES * 100, path)
    path.write_bytes(path.read_bytes()[:2000])
    log = open_log(path)
    assert not read(log)
    assert log.tally.fault == "it is damaged, or breaks off before what describes its data: seek out of range"


def test_a_damaged_file_is_a_fault(path):
    binary(FRAMES * 100, path)
    data = bytearray(path.read_bytes())
    at = data.index(b"##DG")
    data[at : at + 4] = b"##XX"
    path.write_bytes(data)
    log = open_log(path)
    assert not read(log)
    assert log.tally.fault is not None


def test_a_missing_extra_is_named_with_the_command_that_installs_it(path, monkeypatch):
    binary(FRAMES, path)
    monkeypatch.setitem(sys.modules, "asammdf", None)
    with pytest.raises(
        UnreadableError, match=r"asammdf is not installed: pip install 'battery-telemetry\[mf4\]'"
    ):
        open_log(path).check()


def test_channels_that_are_decoded_are_measured_signals(path, tmp_path):
    binary([FRAMES[0]._replace(at_ms=100 * row, is_extended=False) for row in range(3)], tmp_path / "raw.mf4")
    with MDF(tmp_path / "raw.mf4") as raw:
        raw.extract_bus_logging({"CAN": [(str(BMW_I3), 0)]}).save(path)
    log = open_log(path)
    (measured,) = list(log.read())
    assert isinstance(measured, Measured)
    assert (measured.can_id, measured.bus, measured.size) == (0x112, "CAN0", 3)
    row = next(iter(measured.part().signals()))
    assert row["battery_voltage"] == pytest.approx(352.3)
    assert row["battery_soc"] == pytest.approx(43.9)
    assert log.is_dated
    assert log.tally.frames == 3


def test_channels_of_any_other_group_have_its_number_and_only_numbers_are_taken(path):
    times = np.array([0.0, 0.5, 1.0])
    with MDF() as made:
        made.append([Signal(np.array([b"a", b"b", b"c"]), times, name="word", encoding="utf-8")])
        speed = Signal(np.array([1.0, np.inf, 3.0]), times, name="VehicleSpeed")
        gear = Signal(
            np.array([0, 1, 2], np.uint8), times, name="Gear", conversion={"val_0": 1, "text_0": b"first"}
        )
        made.append([speed, gear])
        made.save(path)
    (measured,) = list(open_log(path).read())
    assert isinstance(measured, Measured)
    assert (measured.can_id, measured.names) == (1, ["vehicle_speed", "gear"])
    assert measured.part().signals() == [
        {"vehicle_speed": 1.0, "gear": 0.0},
        {"gear": 1.0},
        {"vehicle_speed": 3.0, "gear": 2.0},
    ]


def test_many_rows_are_read_some_at_a_time(path):
    times = np.arange(70_000) / 1000
    with MDF() as made:
        made.append([Signal(times, times, name="a")])
        made.append([Signal(times[:10], times[:10], name="b")])
        made.save(path)
    blocks = list(open_log(path).read())
    assert sum(block.size for block in blocks) == 70_010
    assert len(blocks) > 2
