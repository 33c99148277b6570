"""Logs of every format, as their loggers write them, made of the same frames."""

import asyncio
import base64
import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import can
import numpy as np
import zstandard

from telemetry.adapters.can.logs import source
from telemetry.adapters.can.logs.live import LiveBus
from telemetry.adapters.can.logs.source import LogSource
from telemetry.domain.can.columns import Frames
from telemetry.domain.can.frame import Frame

START_S = 1_571_000_000.25
UTC_ZONE = ZoneInfo("UTC")


class Logged(NamedTuple):
    """A frame as a test writes and compares it; `at_ms` counts from the start of the log."""

    at_ms: int
    can_id: int
    data: bytes
    is_extended: bool = False
    is_sent: bool = False


FRAMES = [
    Logged(0, 0x112, bytes.fromhex("FA1FC30DB7719558")),
    Logged(250, 0x1234567, b"\x01\x02", is_extended=True),
    Logged(1500, 0x7FF, b""),
    Logged(1501, 0x0A5, b"\xff", is_sent=True),
]


def block(*rows: tuple[float, int, bytes], bus: str = "can0", is_extended: bool = False) -> Frames:
    """Make frames of one bus; each has its time in seconds, its id and its data."""
    width = 8 if all(len(data) <= 8 for _, _, data in rows) else 64
    return Frames(
        np.array([round(time * 1e6) for time, _, _ in rows], np.int64),
        np.array([can_id for _, can_id, _ in rows], np.uint32),
        np.full(len(rows), is_extended),
        np.zeros(len(rows), np.uint16),
        np.zeros(len(rows), np.bool_),
        np.array([len(data) for _, _, data in rows], np.uint8),
        np.array([list(data.ljust(width, b"\0")) for _, _, data in rows], np.uint8).reshape(-1, width),
        [bus],
    )


def lines(frames: Sequence[Logged], write: Callable[[Logged, int], str], head: str = "") -> bytes:
    return (head + "".join(f"{write(each, number)}\n" for number, each in enumerate(frames, 1))).encode()


def _spaced(data: bytes) -> str:
    return data.hex(" ").upper()


def _id(each: Logged) -> str:
    return f"{each.can_id:08X}" if each.is_extended else f"{each.can_id:03X}"


def candump(frames: Sequence[Logged]) -> bytes:
    return lines(
        frames,
        lambda each, _: (
            f"({START_S + each.at_ms / 1000:.6f}) can0 {_id(each)}#{each.data.hex().upper()}"
            + (" T" if each.is_sent else "")
        ),
    )


def console(frames: Sequence[Logged]) -> bytes:
    return lines(
        frames,
        lambda each, _: (
            f" ({START_S + each.at_ms / 1000:.6f})  can0  {'TX' if each.is_sent else 'RX'} - -  "
            f"{_id(each)}   [{len(each.data)}]  {_spaced(each.data)}"
        ),
    )


def asc(frames: Sequence[Logged]) -> bytes:
    start = datetime.fromtimestamp(START_S, UTC).strftime("%a %b %d %H:%M:%S.250 %Y")
    head = f"date {start}\nbase hex  timestamps absolute\ninternal events logged\n// version 9.0.0\n"
    head += f"Begin Triggerblock {start}\n   0.000000 Start of measurement\n"
    return (
        lines(
            frames,
            lambda each, _: (
                f"{each.at_ms / 1000:11.6f} 1  {each.can_id:X}{'x' if each.is_extended else ''}      "
                f"{'Tx' if each.is_sent else 'Rx'}   d {len(each.data)} {_spaced(each.data)}  Length = 0 BitCount = 0"
            ),
            head,
        )
        + b"End TriggerBlock\n"
    )


def gvret(frames: Sequence[Logged]) -> bytes:
    return lines(
        frames,
        lambda each, _: (
            f"{round((START_S + each.at_ms / 1000) * 1e6)},{each.can_id:08X},"
            f"{str(each.is_extended).lower()},{'Tx' if each.is_sent else 'Rx'},0,{len(each.data)},"
            + "".join(f"{byte:02X}," for byte in each.data)
        ),
        "Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\n",
    )


def crtd(frames: Sequence[Logged]) -> bytes:
    return lines(
        frames,
        lambda each, _: (
            f"{START_S + each.at_ms / 1000:.6f} 1{'T' if each.is_sent else 'R'}"
            f"{29 if each.is_extended else 11} {each.can_id:X} {_spaced(each.data)}".rstrip()
        ),
        f"{START_S:.6f} CXX Info Type:crtd\n",
    )


def trc(frames: Sequence[Logged]) -> bytes:
    start = (
        datetime.fromtimestamp(START_S, UTC) - datetime(1899, 12, 30, tzinfo=UTC)
    ).total_seconds() / 86400
    return lines(
        frames,
        lambda each, number: (
            f"{number:7} {each.at_ms:13.3f} DT 1 "
            f"{each.can_id:0{8 if each.is_extended else 4}X} {'Tx' if each.is_sent else 'Rx'} -  {len(each.data)}    "
            f"{_spaced(each.data)}"
        ),
        f";$FILEVERSION=2.1\n;$STARTTIME={start:.12f}\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n;\n",
    )


def trc_1(frames: Sequence[Logged]) -> bytes:
    start = datetime.fromtimestamp(START_S, UTC).strftime("%d.%m.%Y %H:%M:%S.250.0")
    return lines(
        frames,
        lambda each, number: (
            f"{number:6}) {each.at_ms:11.1f}  {'Tx' if each.is_sent else 'Rx'}     "
            f"{each.can_id:0{8 if each.is_extended else 4}X}  {len(each.data)}  {_spaced(each.data)}"
        ),
        f";$FILEVERSION=1.1\n;\n;   Start time: {start}\n;\n",
    )


def busmaster(frames: Sequence[Logged]) -> bytes:
    start = datetime.fromtimestamp(START_S, UTC)

    def line(each: Logged, _: int) -> str:
        at = datetime.fromtimestamp(START_S + each.at_ms / 1000, UTC)
        return (
            f"{at.hour}:{at.minute}:{at.second}:{at.microsecond // 100:04} {'Tx' if each.is_sent else 'Rx'} 1 "
            f"0x{each.can_id:03X} {'x' if each.is_extended else 's'} {len(each.data)} {_spaced(each.data)} "
        )

    head = "***BUSMASTER Ver 3.2.2***\n***PROTOCOL CAN***\n***NOTE: PLEASE DO NOT EDIT THIS DOCUMENT***\n"
    head += f"***START DATE AND TIME {start.day}:{start.month}:{start.year} 22:53:20:250***\n***HEX***\n"
    return lines(
        frames, line, f"{head}***SYSTEM MODE***\n***<Time><Tx/Rx><Channel><CAN ID><Type><DLC><DataBytes>***\n"
    )


def python_can_csv(frames: Sequence[Logged]) -> bytes:
    return lines(
        frames,
        lambda each, _: (
            f"{START_S + each.at_ms / 1000:.6f},0x{each.can_id:x},{each.is_extended:d},0,0,"
            f"{len(each.data)},{base64.b64encode(each.data).decode()}"
        ),
        "timestamp,arbitration_id,extended,remote,error,dlc,data\n",
    )


def cabana(frames: Sequence[Logged]) -> bytes:
    return lines(
        frames,
        lambda each, _: f"{START_S + each.at_ms / 1000:.6f},0x{each.can_id:x},0,0x{each.data.hex()}",
        "time,addr,bus,data\n",
    )


def binary(frames: Sequence[Logged], path: Path) -> bytes:
    with can.Logger(path) as logger:
        for each in frames:
            logger(
                can.Message(
                    timestamp=START_S + each.at_ms / 1000,
                    arbitration_id=each.can_id,
                    data=each.data,
                    is_extended_id=each.is_extended,
                    is_rx=not each.is_sent,
                    channel=0,
                )
            )
    return path.read_bytes()


TEXTS: Mapping[str, Callable[[Sequence[Logged]], bytes]] = {
    "candump -L": candump,
    "candump, console form": console,
    "Vector ASC": asc,
    "SavvyCAN CSV": gvret,
    "CRTD": crtd,
    "PCAN TRC": trc,
    "PCAN TRC 1.1": trc_1,
    "BusMaster": busmaster,
    "python-can CSV": python_can_csv,
    "cabana CSV": cabana,
}
"""By the format's name, what writes it; a text has a line a frame after its head."""

BINARIES = {"Vector BLF": ".blf", "MDF": ".mf4"}
"""By the format's name, the suffix by which python-can writes it."""

SAY_NOT_WHO_SENT = ("python-can CSV", "cabana CSV")

PACKED: Mapping[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": lambda data: zstandard.ZstdCompressor().compress(data),
    "bz2": bz2.compress,
    "gz in xz": lambda data: lzma.compress(gzip.compress(data)),
}


def write(folder: Path, kind: str, frames: Sequence[Logged]) -> Path:
    """Write a log of a format. Its name says nothing of what it is."""
    path = folder / "drive.dat"
    suffix = BINARIES.get(kind)
    path.write_bytes(binary(frames, folder / f"drive{suffix}") if suffix else TEXTS[kind](frames))
    return path


def zipped(path: Path, *members: str) -> Path:
    with ZipFile(path.with_suffix(".zip"), "w") as archive:
        for member in members or (path.name,):
            archive.write(path, member)
    return path.with_suffix(".zip")


def open_log(path: Path, zone: ZoneInfo = UTC_ZONE) -> LogSource:
    (found,) = source.of_file(path, zone)
    return found


def read(log: LogSource) -> list[Logged]:
    """Read a log as its port says; return its frames, with their times from the first one on."""
    blocks = asyncio.run(_gather(log))
    rows = [row for frames in blocks for row in rows_of(frames)]
    first = rows[0].at_ms if rows else 0
    return [row._replace(at_ms=row.at_ms - first) for row in rows]


def read_frames(path: Path) -> list[Frame]:
    """Return the frames of a log one by one."""
    return [frame for frames in frames_in(open_log(path)) for frame in each_of(frames)]


def frames_in(log: LogSource | LiveBus) -> Iterator[Frames]:
    """Yield the blocks of a log that are frames."""
    return (block for block in log.read() if isinstance(block, Frames))


def each_of(frames: Frames) -> list[Frame]:
    """Return frames one by one."""
    return [
        Frame(int(frames.times_us[row]) / 1e6, each.can_id, each.data, each.is_extended)
        for row, each in enumerate(rows_of(frames))
    ]


async def _gather(log: LogSource) -> list[Frames]:
    return [block async for block in log.blocks() if isinstance(block, Frames)]


def rows_of(frames: Frames) -> list[Logged]:
    return [
        Logged(
            round(int(frames.times_us[row]) / 1000),
            int(frames.ids[row]),
            frames.data[row, : frames.lengths[row]].tobytes(),
            bool(frames.is_extended[row]),
            bool(frames.is_sent[row]),
        )
        for row in range(frames.size)
    ]
