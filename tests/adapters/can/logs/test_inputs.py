"""What may be named as a log: files, folders, patterns, archives, pipes, standard input and buses."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path

import can
import pytest

from telemetry.adapters.can.logs import inputs, live
from telemetry.adapters.can.logs.live import LiveBus
from telemetry.adapters.can.logs.source import LogSource
from telemetry.adapters.can.logs.thread import in_thread
from telemetry.domain.can.columns import Frames
from telemetry.domain.can.frame import UnreadableError
from tests.can_logs import FRAMES, UTC_ZONE, candump, frames_in, read, rows_of, zipped


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three logs, and two files that are none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs" / "old").mkdir(parents=True)
    for name in ("drive10.log", "drive2.log", "drive1.log"):
        (tmp_path / "logs" / name).write_bytes(candump(FRAMES))
    (tmp_path / "logs" / "readme.txt").write_text("Call me Ishmael.\n")
    (tmp_path / "logs" / "drive3.png").write_bytes(b"\x89PNG")
    return tmp_path / "logs"


def names(*given: str) -> list[str]:
    found, _ = inputs.expand(given, UTC_ZONE)
    return [Path(each.name).name for each in found]


@pytest.mark.parametrize("given", ["logs", "logs/*", "logs/*.[lp]*"])
@pytest.mark.usefixtures("folder")
def test_the_logs_of_a_folder_or_a_pattern_are_read_in_the_order_of_their_numbers(given):
    assert names(given) == ["drive1.log", "drive2.log", "drive10.log"]
    _, left_out = inputs.expand([given], UTC_ZONE)
    assert any("drive3.png: it seems to be a picture" in each for each in left_out)


@pytest.mark.usefixtures("folder")
def test_files_are_read_in_the_order_in_which_they_are_named():
    assert names("logs/drive2.log", "logs/drive1.log", "logs/drive2.log") == [
        "drive2.log",
        "drive1.log",
        "drive2.log",
    ]


@pytest.mark.usefixtures("folder")
def test_a_folder_or_a_pattern_without_a_log_is_refused():
    for given in ("logs/old", "logs/*.txt", "none*"):
        with pytest.raises(UnreadableError, match="it holds no log that is known"):
            inputs.expand([given], UTC_ZONE)


@pytest.mark.usefixtures("folder")
def test_a_file_that_is_named_and_is_no_log_is_refused():
    with pytest.raises(UnreadableError, match="drive3.png: it seems to be a picture"):
        inputs.expand(["logs/drive3.png"], UTC_ZONE)
    with pytest.raises(FileNotFoundError, match="none.log"):
        inputs.expand(["none.log"], UTC_ZONE)


def test_each_member_of_an_archive_is_a_log(folder):
    path = zipped(folder / "drive1.log", "a.log", "b.log")
    assert names(str(path)) == ["a.log", "b.log"]


def test_a_damaged_archive_is_refused(folder):
    (folder / "drive.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(UnreadableError, match="it is a damaged ZIP archive"):
        inputs.expand([str(folder / "drive.zip")], UTC_ZONE)


def test_standard_input_is_read_once(monkeypatch):
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(candump(FRAMES))))
    (log,), _ = inputs.expand(["-"], UTC_ZONE)
    assert isinstance(log, LogSource)
    assert (log.is_repeatable, log.is_live, log.size) == (False, False, None)
    assert read(log) == FRAMES


def test_a_named_pipe_is_read_while_it_is_written(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    (log,), _ = inputs.expand([str(path)], UTC_ZONE)
    assert isinstance(log, LogSource)
    first_is_read = threading.Event()

    def feed() -> None:
        with path.open("wb", buffering=0) as pipe:
            pipe.write(candump(FRAMES * 4))
            first_is_read.wait(60)
            pipe.write(candump(FRAMES))

    writer = threading.Thread(target=feed)
    writer.start()
    sizes = []
    for frames in frames_in(log):
        sizes.append(frames.size)
        first_is_read.set()
    writer.join()
    assert sizes[0] == len(FRAMES) * 4
    assert sum(sizes) == len(FRAMES) * 5


def test_a_live_bus_gives_what_is_sent_on_it_until_it_is_left():
    (bus,), _ = inputs.expand(["virtual:test"], UTC_ZONE)
    assert isinstance(bus, LiveBus)
    assert (bus.is_repeatable, bus.is_live, bus.size, bus.kind) == (False, True, None, "virtual")

    async def listen() -> list[tuple[int, bytes]]:
        got: list[tuple[int, bytes]] = []
        blocks = bus.blocks()
        with can.Bus(interface="virtual", channel="test") as sender:
            async for frames in blocks:
                assert isinstance(frames, Frames)
                if not got:
                    sender.send(can.Message(arbitration_id=0x112, data=b"\1\2", is_extended_id=False))
                    sender.send(can.Message(arbitration_id=0x112, is_remote_frame=True, is_extended_id=False))
                    sender.send(can.Message(is_error_frame=True))
                got += [(row.can_id, row.data) for row in rows_of(frames)]
                if got and bus.tally.skipped.total() >= 2:
                    break
        await blocks.aclose()
        return got

    got = asyncio.run(listen())
    assert set(got) == {(0x112, b"\1\2")}
    assert bus.tally.frames >= len(got)


def test_a_bus_that_cannot_be_opened_is_refused():
    with pytest.raises(UnreadableError, match="socketcan:nowhere0: it cannot be opened: "):
        inputs.expand(["socketcan:nowhere0"], UTC_ZONE)


def test_a_bus_that_goes_away_ends_with_a_fault(monkeypatch):
    class Broken(can.BusABC):
        def __init__(self, **_: object) -> None:
            super().__init__("x")

        def _recv_internal(self, timeout):
            raise can.CanOperationError("Network is down")

        def send(self, msg, timeout=None):
            raise NotImplementedError

    monkeypatch.setattr(can, "Bus", lambda **_: Broken())
    bus = LiveBus("socketcan", "can0")
    assert sum(frames.size for frames in frames_in(bus)) == 0
    assert bus.tally.fault == "it cannot be listened to any more: Network is down"


@pytest.mark.parametrize(("type_", "is_bus"), [("280\n", True), ("1\n", False)])
def test_an_interface_of_this_machine_is_a_bus_if_it_is_one_of_can(monkeypatch, tmp_path, type_, is_bus):
    (tmp_path / "can0").mkdir()
    (tmp_path / "can0" / "type").write_text(type_)
    monkeypatch.setattr(live, "_INTERFACES", tmp_path)
    found = live.find("can0")
    assert (found is not None) is is_bus
    assert live.find("nowhere:can0") is None
    if found:
        assert (found.kind, found.name) == ("socketcan", "can0")


def test_a_log_that_cannot_be_opened_any_more_is_a_fault():
    def open_gone(_: object) -> BytesIO:
        raise OSError("gone")

    log = LogSource("x", UTC_ZONE, open_gone)
    assert not read(log)
    assert log.tally.fault == "gone"


def test_a_bus_that_cannot_be_opened_any_more_is_a_fault():
    bus = LiveBus("socketcan", "nowhere0")
    assert list(frames_in(bus)) == []
    assert bus.tally.fault is not None


def test_what_a_reading_thread_raises_is_raised_where_it_is_asked():
    def make() -> Iterator[int]:
        yield 1
        raise ValueError("gone")

    async def gather() -> list[int]:
        return [item async for item in in_thread(make)]

    with pytest.raises(ValueError, match="gone"):
        asyncio.run(gather())
