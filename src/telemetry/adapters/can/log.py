"""Logs of a CAN bus in files, as python-can reads and writes them: candump's, Vector's in text and binary, each also gzipped."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from gzip import GzipFile
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Final, Self, cast

import can

from telemetry.domain.can.frame import Frame, UnreadableError

_FORMATS: Final = {".log": "candump -L", ".asc": "Vector ASC", ".blf": "Vector BLF"}
_GZIP: Final = ".gz"
_WRITERS: Final = {".log": can.CanutilsLogWriter, ".asc": can.ASCWriter, ".blf": can.BLFWriter}


class CanLog:
    """The frames of a file, in its order. Each frame's time is in seconds, from wherever the log counts.

    An ASC file counts from its own beginning; with `absolute`, its date is added, in this machine's time zone. Remote
    and error frames carry no data: they are `skipped`, counted by kind. A file that breaks off, or is damaged, ends
    there and `fault` says so, so that what came before is not lost. `position` is how many of `size` bytes are read.

    Raises UnreadableError for a file of another kind, OSError if there is none.
    """

    def __init__(self, path: Path, *, absolute: bool = False) -> None:
        suffixes = [suffix.lower() for suffix in path.suffixes]
        self._gzipped = suffixes[-1:] == [_GZIP]
        self._format = "".join(suffixes[:-1][-1:] if self._gzipped else suffixes[-1:])
        if self._format not in _FORMATS:
            raise UnreadableError(
                f"{path}: its suffix does not tell what it is; name it {_kinds()}, or one of these and .gz"
            )
        self.path = path
        self._absolute = absolute
        self.size = path.stat().st_size
        self.position = 0
        self.skipped: Counter[str] = Counter()
        self.fault: str | None = None

    def __iter__(self) -> Iterator[Frame]:
        with ExitStack() as stack:
            try:
                for message in self._messages(stack):
                    if message.is_error_frame or message.is_remote_frame:
                        self.skipped["error" if message.is_error_frame else "remote"] += 1
                        continue
                    # A line that breaks off within a byte leaves half a byte more than its length.
                    data = bytes(message.data[: message.dlc])
                    yield Frame(message.timestamp, message.arbitration_id, data, message.is_extended_id)
            except Exception as error:  # noqa: BLE001  # a parser raises whatever damaged input leads it to
                why = str(error) or type(error).__name__
                self.fault = f"{self.path}: it cannot be read on as {_FORMATS[self._format]}: {why}"

    def _messages(self, stack: ExitStack) -> Iterator[can.Message]:
        raw = stack.enter_context(self.path.open("rb"))
        plain = cast("BinaryIO", stack.enter_context(GzipFile(fileobj=raw))) if self._gzipped else raw
        reader = stack.enter_context(self._reader(plain))
        for message in reader:
            if getattr(reader, "timestamps_format", None) == "relative":
                # python-can would take the time since the line before for the time since the beginning.
                raise ValueError("it counts time from line to line; export it with absolute timestamps")
            self.position = raw.tell()
            yield message
        if isinstance(reader, can.BLFReader) and self.size < reader.file_size and not self._gzipped:
            raise ValueError(f"it says that it has {reader.file_size} bytes")  # python-can does not
        self.position = self.size

    def _reader(self, plain: BinaryIO) -> can.io.generic.MessageReader:
        if self._format == ".blf":
            return can.BLFReader(plain)
        text = TextIOWrapper(plain, encoding="utf-8-sig", errors="replace")
        if self._format == ".asc":
            return can.ASCReader(text, relative_timestamp=not self._absolute)
        return can.CanutilsLogReader(text)


class CanRecorder:
    """A log that frames are written to, of the kind that its suffix says; it is whole once the context ends.

    Raises UnreadableError for another suffix, OSError if it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        if not (writer := _WRITERS.get(path.suffix.lower())):
            raise UnreadableError(f"{path}: its suffix does not tell what it is to be; name it {_kinds()}")
        self._writer = writer(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.stop()

    def write(self, frame: Frame) -> None:
        """Write a frame, whose time is in seconds since 1970."""
        self._writer(
            can.Message(
                timestamp=frame.timestamp,
                arbitration_id=frame.can_id,
                data=frame.data,
                is_extended_id=frame.is_extended,
            )
        )


def _kinds() -> str:
    return ", ".join(f"{suffix} ({kind})" for suffix, kind in _FORMATS.items())
