"""candump's console forms: what it shows on a terminal, with its times by `-ta`, `-tA`, `-td` or `-tz`."""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from telemetry.adapters.can.logs.format import Context, epoch_us, is_date, micros, text
from telemetry.adapters.can.logs.lines import Parse
from telemetry.adapters.can.logs.rows import Row

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_LINE: Final = re.compile(
    r"\s*(?:\((?P<time>[^)]+)\)\s+)?(?P<bus>\w\S*)\s+(?:(?P<way>[RT]X)\s+\S\s+\S\s+)?"
    r"(?P<id>[0-9A-Fa-f]{8}|[0-9A-Fa-f]{3})\s+\[\s*(?P<size>\d+)\]\s*(?:\{[0-9A-Fa-f]\})?(?P<rest>.*)",
    re.ASCII,
)
_ERROR: Final = 0x2000_0000
_HEX: Final = 2
_BINARY: Final = 8


class _Console:
    """Reads the lines of one log; a time of `-td` counts from the line before."""

    def __init__(self, context: Context, *, is_delta: bool) -> None:
        self._zone = context.zone
        self._is_delta = is_delta
        self._last_us = 0

    def __call__(self, line: str) -> Row | str | None:
        line = _COLOUR.sub("", line)
        if not line.strip() or line.startswith("\t"):  # what an error frame means is written below it
            return None
        match = _LINE.fullmatch(line)
        if not match:
            raise ValueError("it is no frame")
        if not match["time"]:
            raise ValueError("it has no time: log with candump -L, or with -ta")
        time_us = self._time_us(match["time"])
        number, rest = int(match["id"], 16), match["rest"].split()
        is_extended = len(match["id"]) > 3  # noqa: PLR2004  # digits of a standard id
        if is_extended and number & _ERROR:
            return "error"
        if rest[:1] == ["remote"]:
            return "remote"
        return Row(
            time_us, number, is_extended, match["bus"], _data(rest, int(match["size"])), match["way"] == "TX"
        )

    def _time_us(self, given: str) -> int:
        if "-" in given:
            return epoch_us(datetime.fromisoformat(given), self._zone)
        time_us = micros(given.strip())
        self._last_us = self._last_us + time_us if self._is_delta else time_us
        return self._last_us


def _data(words: Sequence[str], size: int) -> bytes:
    words = words[:size]
    width = _BINARY if words and len(words[0]) == _BINARY else _HEX
    if len(words) < size or any(len(word) != width for word in words):
        raise ValueError("it breaks off")
    return bytes(int(word, 2 if width == _BINARY else 16) for word in words)


def _parser(head: Sequence[str], context: Context) -> Parse:
    times = [
        match["time"] for line in head if (match := _LINE.fullmatch(_COLOUR.sub("", line))) and match["time"]
    ]
    seconds = [micros(time.strip()) / 1e6 for time in times if "-" not in time]
    context.is_dated = not seconds or is_date(seconds[0])
    return _Console(context, is_delta=not context.is_dated and any(b < a for a, b in pairwise(seconds)))


CONSOLE: Final = text("candump, console form", _LINE, _parser)
