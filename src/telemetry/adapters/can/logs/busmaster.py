"""BusMaster's log, a text that shares its suffix `.log` with candump's."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from telemetry.adapters.can.logs import lines
from telemetry.adapters.can.logs.format import Context, epoch_us, text
from telemetry.adapters.can.logs.rows import Row

_HEAD: Final = re.compile(r"\*\*\*BUSMASTER")
_START: Final = re.compile(
    r"\*\*\*START DATE AND TIME (\d+):(\d+):(\d+) (\d+):(\d+):(\d+):(\d+)\*\*\*", re.ASCII
)
_LINE: Final = re.compile(
    r"(?P<time>\d+:\d+:\d+:\d+) (?P<way>[RT]x) (?P<bus>\d+) (?P<id>0x[0-9A-Fa-f]+|\d+) (?P<type>\w+) "
    r"(?P<size>\d+)(?P<data>.*)",
    re.ASCII,
)
_DAY_US: Final = 24 * 3600 * 1_000_000


class _BusMaster:
    """Reads the lines of one log.

    A time of the mode SYSTEM is one of the day, which begins anew at midnight. One of ABSOLUTE counts from
    the start of the log, and one of RELATIVE from the line before.
    """

    def __init__(self, head: Sequence[str], context: Context) -> None:
        joined = "\n".join(head)
        self._is_hex = "***DEC***" not in joined
        self._is_relative = "RELATIVE MODE" in joined
        start = _START.search(joined)
        context.is_dated = start is not None
        self._base_us = self._last_us = 0
        if start:
            day, month, year, hour, minute, second, ms = map(int, start.groups())
            moment = datetime(year, month, day, hour, minute, second, ms * 1000)  # noqa: DTZ001  # of the zone
            if "SYSTEM MODE" in joined:
                moment = datetime.combine(moment, datetime.min.time())
            self._base_us = epoch_us(moment, context.zone)
        else:
            context.tally.dateless = "its header names no date"

    def __call__(self, line: str) -> Row | str | None:
        if not line.strip() or line.startswith("***"):
            return None
        match = _LINE.fullmatch(line.rstrip())
        if not match:
            raise ValueError("it is no frame")
        kind = match["type"].lower()
        if "r" in kind:
            self._time_us(match["time"])
            return "remote"
        size = int(match["size"])
        return Row(
            self._time_us(match["time"]),
            int(match["id"], 16 if self._is_hex else 10),
            kind.startswith("x"),
            match["bus"],
            self._data(match["data"], size),
            match["way"] == "Tx",
        )

    def _time_us(self, text_: str) -> int:
        hours, minutes, seconds, parts = map(int, text_.split(":"))
        span = timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=parts * 100)
        time_us = round(span.total_seconds() * 1_000_000)
        if self._is_relative:
            self._last_us += time_us
            return self._base_us + self._last_us
        if time_us < self._last_us - _DAY_US // 2:
            self._base_us += _DAY_US
        self._last_us = time_us
        return self._base_us + time_us

    def _data(self, given: str, size: int) -> bytes:
        words = given.split()[:size]
        if len(words) < size:
            raise ValueError("it breaks off")
        return lines.pairs(" ".join(words)) if self._is_hex else bytes(int(word) for word in words)


BUSMASTER: Final = text("BusMaster", _HEAD, _BusMaster)
