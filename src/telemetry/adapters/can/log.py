"""Logs of a CAN bus in files, as python-can reads and writes them.

There are candump's logs, and Vector's in text and binary. Each can be read from a gzipped file too.
"""

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
    """The frames of a file, in its order, with times in seconds since the start that the log counts from.

    An ASC file counts from its own beginning. With `absolute` its date is added, in this machine's time zone.
    Remote and error frames have no data. They are left out, and `skipped` counts them by kind. At the first
    place that is cut off or damaged the frames end, and `fault` says why. So the frames before it are not
    lost. `position` is how many of `size` bytes were read.
    """

    def __init__(self, path: Path, *, absolute: bool = False) -> None:
        """Raise UnreadableError if the suffix is not that of a log, OSError if there is no such file."""
        suffixes = [suffix.lower() for suffix in path.suffixes]
        self._gzipped = suffixes[-1:] == [_GZIP]
        self._format = "".join(suffixes[:-1][-1:] if self._gzipped else suffixes[-1:])
        if self._format not in _FORMATS:
            raise UnreadableError(
                f"{path}: its suffix says no kind of log; name it {_suffixes()}, or one of these and .gz"
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
                    # A line that is cut off within a byte has half a byte more than its length says.
                    data = bytes(message.data[: message.dlc])
                    yield Frame(message.timestamp, message.arbitration_id, data, message.is_extended_id)
            except Exception as error:  # noqa: BLE001  # damaged input makes a parser raise any error
                reason = str(error) or type(error).__name__
                self.fault = f"{self.path}: it cannot be read on as {_FORMATS[self._format]}: {reason}"

    def _messages(self, stack: ExitStack) -> Iterator[can.Message]:
        raw = stack.enter_context(self.path.open("rb"))
        plain = cast("BinaryIO", stack.enter_context(GzipFile(fileobj=raw))) if self._gzipped else raw
        reader = stack.enter_context(self._reader(plain))
        for message in reader:
            if getattr(reader, "timestamps_format", None) == "relative":
                # python-can would use the time since the line before as the time since the beginning.
                raise ValueError("it counts time from line to line; export it with absolute timestamps")
            self.position = raw.tell()
            yield message
        if isinstance(reader, can.BLFReader) and self.size < reader.file_size and not self._gzipped:
            # python-can does not check this.
            raise ValueError(f"it says that it has {reader.file_size} bytes")
        self.position = self.size

    def _reader(self, plain: BinaryIO) -> can.io.generic.MessageReader:
        if self._format == ".blf":
            return can.BLFReader(plain)
        text = TextIOWrapper(plain, encoding="utf-8-sig", errors="replace")
        if self._format == ".asc":
            return can.ASCReader(text, relative_timestamp=not self._absolute)
        return can.CanutilsLogReader(text)


class CanRecorder:
    """A log that frames are written to, in the format of its suffix; it is complete once the context ends."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raise UnreadableError for another suffix, OSError if it cannot be written."""
        if not (writer := _WRITERS.get(path.suffix.lower())):
            raise UnreadableError(f"{path}: its suffix says no kind of log; name it {_suffixes()}")
        self._writer = writer(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.stop()

    def write(self, frame: Frame) -> None:
        """Write a frame, whose time is in seconds since 1970-01-01 UTC."""
        self._writer(
            can.Message(
                timestamp=frame.timestamp_s,
                arbitration_id=frame.can_id,
                data=frame.data,
                is_extended_id=frame.is_extended,
            )
        )


def _suffixes() -> str:
    """List the suffixes of logs, each with its format."""
    return ", ".join(f"{suffix} ({kind})" for suffix, kind in _FORMATS.items())
