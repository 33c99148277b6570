"""TRC, the log of PEAK's PCAN programs, in its versions 1.0 to 2.1.

Version 2 names its columns. An id of four digits is a standard one, an id of eight is extended.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from telemetry.adapters.can.logs.format import Context, epoch_us, text
from telemetry.adapters.can.logs.rows import Row

_RECOGNISED: Final = re.compile(
    r";\$FILEVERSION=|;\s*Start time: .*|\s*\d+\)\s+\d+(\.\d)?\s+(\d+\s+)?(Rx|Tx|[0-9A-F]{4,8}\s)"
)
_VERSION: Final = re.compile(r";\$FILEVERSION=(\d+\.\d+)")
_START_DAYS: Final = re.compile(r";\$STARTTIME=(\d+(?:\.\d+)?)")
_COLUMNS: Final = re.compile(r";\$COLUMNS=(\S+)")
_START: Final = re.compile(r";\s*Start time:\s*(\d+)\.(\d+)\.(\d+) (\d+):(\d+):(\d+)(?:\.(\d+))?")
_DAY_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001  # of the zone

# The columns of the versions that do not name them; `n` is a number with a bracket.
_OF_VERSION: Final[Mapping[str, str]] = {
    "1.0": "N,O,I,l,D",
    "1.1": "N,O,d,I,l,D",
    "1.2": "N,O,B,d,I,l,D",
    "1.3": "N,O,B,d,I,R,l,D",
}
_DATA: Final = ("DT", "FD", "FB", "FE", "BI", "RX", "TX")
_SKIPPED: Final[Mapping[str, str]] = {
    "RR": "remote",
    "ST": "status",
    "EC": "status",
    "ER": "error",
    "EV": "event",
    "WARNG": "status",
    "ERROR": "error",
}
_LENGTHS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64)
_NO_ID: Final = "FFFFFFFF"
_STANDARD_DIGITS: Final = 4


class _Trc:
    """Reads the lines of one log."""

    def __init__(self, head: Sequence[str], context: Context) -> None:
        joined = "\n".join(line.strip() for line in head)
        version, named = _VERSION.search(joined), _COLUMNS.search(joined)
        number = version[1] if version else "1.0"
        columns = named[1] if named else _OF_VERSION.get(number, "")
        self._version = number
        self._places = {letter: place for place, letter in enumerate(columns.split(","))}
        start_us = _start_us(joined, context)
        context.is_dated = start_us is not None
        if start_us is None:
            context.tally.dateless = "its header names no date"
        self._start_us = start_us or 0

    def __call__(self, line: str) -> Row | str | None:
        if not line.strip() or line.lstrip().startswith(";"):
            return None
        if "D" not in self._places:
            raise ValueError(f"version {self._version} is not known, and it names no columns")
        words = line.split()
        kind = self._cell(words, "T") or self._cell(words, "d") or "DT"
        if reason := _SKIPPED.get(kind.upper()):
            return reason
        if kind.upper() not in _DATA:
            raise ValueError(f"{kind} is no known type")
        number, rest = self._cell(words, "I"), words[self._places["D"] :]
        if number == _NO_ID:
            return "status"
        if rest[:1] == ["RTR"]:
            return "remote"
        given = self._cell(words, "l") or self._cell(words, "L")
        size = int(given) if "l" in self._places else _LENGTHS[int(given)]
        if not number or len(rest) < size or any(len(word) != 2 for word in rest[:size]):  # noqa: PLR2004  # digits
            raise ValueError("it breaks off")
        return Row(
            self._start_us + round(float(self._cell(words, "O")) * 1000),
            int(number, 16),
            len(number) > _STANDARD_DIGITS,
            self._cell(words, "B") or "1",
            bytes.fromhex("".join(rest[:size])),
            self._cell(words, "d") == "Tx",
        )

    def _cell(self, words: Sequence[str], letter: str) -> str:
        """Return what a column holds, nothing if there is no such column."""
        place = self._places.get(letter)
        return words[place] if place is not None and place < len(words) else ""


def _start_us(head: str, context: Context) -> int | None:
    """Return the moment that times count from; the date in days is the finer one."""
    if days := _START_DAYS.search(head):
        return epoch_us(_DAY_ZERO + timedelta(days=float(days[1])), context.zone)
    if start := _START.search(head):
        day, month, year, hour, minute, second = map(int, start.groups()[:6])
        fraction = int(f"{start[7] or '0':0<6.6}")
        return epoch_us(datetime(year, month, day, hour, minute, second, fraction), context.zone)  # noqa: DTZ001  # as above
    return None


TRC: Final = text("PCAN TRC", _RECOGNISED, _Trc)
