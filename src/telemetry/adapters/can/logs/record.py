"""Logs that frames are written to, as python-can writes them."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import can

from telemetry.domain.can.frame import Frame, UnreadableError

_WRITERS: Final = {
    ".log": can.CanutilsLogWriter,
    ".asc": can.ASCWriter,
    ".blf": can.BLFWriter,
    ".trc": can.TRCWriter,
    ".csv": can.CSVWriter,
    ".mf4": can.MF4Writer,
}
_NAMES: Final = {
    ".log": "candump -L",
    ".asc": "Vector ASC",
    ".blf": "Vector BLF",
    ".trc": "PCAN TRC",
    ".csv": "python-can CSV",
    ".mf4": "MDF, with the extra mf4",
}
_LOCAL: Final = (".blf", ".trc")
"""What holds the time of a clock on the wall; python-can would write UTC."""


class CanRecorder:
    """A log that frames are written to, in the format of its suffix; it is complete once the context ends."""

    def __init__(self, path: Path) -> None:
        """Raise UnreadableError if no such log can be written, OSError if the file cannot."""
        kind = path.suffix.lower()
        if kind not in _WRITERS:
            suffixes = ", ".join(f"{suffix} ({name})" for suffix, name in _NAMES.items())
            raise UnreadableError(f"{path}: its suffix says no kind of log; name it {suffixes}")
        self._is_local = kind in _LOCAL
        self._stack = ExitStack()
        try:
            self._writer = self._stack.enter_context(_WRITERS[kind](path))
        except NotImplementedError as error:  # what python-can raises without asammdf
            raise UnreadableError(
                f"{path}: asammdf is not installed: pip install 'battery-telemetry[mf4]'"
            ) from error
        self._ahead_s: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def write(self, frame: Frame) -> None:
        """Write a frame, whose time is in seconds since 1970-01-01 UTC."""
        if self._ahead_s is None:
            self._ahead_s = _ahead_s(frame.timestamp_s) if self._is_local else 0.0
        self._writer(
            can.Message(
                timestamp=frame.timestamp_s + self._ahead_s,
                arbitration_id=frame.can_id,
                data=frame.data,
                is_extended_id=frame.is_extended,
                channel=0,
            )
        )


def _ahead_s(timestamp_s: float) -> float:
    """Return by how much this machine's clock on the wall is ahead of UTC."""
    offset = datetime.fromtimestamp(timestamp_s, UTC).astimezone().utcoffset()
    return offset.total_seconds() if offset else 0.0
