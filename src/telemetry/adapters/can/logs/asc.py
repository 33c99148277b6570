"""ASC, Vector's log in text.

A header names the base of all numbers, and whether a time counts from the start or from the line before. A
log has a trigger block or several. Their times usually count from the start of the measurement, whose date
the header has, and of some loggers from the date of the block itself: the nearer one to that date is taken.
"""

import re
from collections.abc import Sequence
from typing import Final

from telemetry.adapters.can.logs import date
from telemetry.adapters.can.logs.format import Context, epoch_us, micros, text
from telemetry.adapters.can.logs.rows import Row

_DATE: Final = re.compile(r"date\s+(.+)", re.IGNORECASE)
_BASE: Final = re.compile(r"base\s+(hex|dec)\s+timestamps\s+(absolute|relative)", re.IGNORECASE)
_BLOCK: Final = re.compile(r"begin\s+triggerblock\s*(.*)", re.IGNORECASE)
_OTHER: Final = re.compile(r"//|(no )?internal events|end\s+triggerblock|date\s|\s*$", re.IGNORECASE)
_EVENT: Final = re.compile(r"\s*(?P<time>\d+[.,]\d+)\s+(?P<rest>\S.*)", re.ASCII)
_FRAME: Final = re.compile(
    r"(?P<bus>\d+)\s+(?P<id>[0-9A-Fa-f]+x?)\s+(?P<way>Rx|Tx|TxRq)\s+(?P<kind>[dr])\b\s*(?P<rest>.*)", re.ASCII
)
_FD: Final = re.compile(
    r"CANFD\s+(?P<bus>\d+)\s+(?P<way>Rx|Tx|TxRq)\s+(?P<id>[0-9A-Fa-f]+x?)\s+(?:(?P<name>\S*[^\s01]\S*)\s+)?"
    r"(?P<brs>[01])\s+(?P<esi>[01])\s+(?P<code>[0-9A-Fa-f]+)\s+(?P<size>\d+)(?P<rest>.*)",
    re.ASCII,
)
_ERROR: Final = re.compile(r"(CANFD\s+)?\d+\s+((Rx|Tx)\s+)?ErrorFrame\b")
_BROKEN: Final = re.compile(
    r"(CANFD\s*)?\d+\s*([0-9A-Fa-f]+x?\s*)?(R|Rx|T|Tx|TxRq)?\s*[dr]?$|CANFD\s+\d+\s+[RT]x\s+[0-9A-Fa-f]+x?\s.*"
)
_LINE: Final = re.compile(
    rf"{_BASE.pattern}|{_DATE.pattern}.*\d+:\d+|{_EVENT.pattern}(?<![#\]])$", re.IGNORECASE
)
_RECOGNISED: Final = re.compile(
    rf"base\s+(hex|dec)|date\s+\S.*\d:\d\d|\s*\d+[.,]\d+\s+{_FRAME.pattern}", re.IGNORECASE
)
_CLASSIC: Final = 8
_LONGEST_CODE: Final = 15


class _Asc:
    """Reads the lines of one log."""

    def __init__(self, head: Sequence[str], context: Context) -> None:
        self._context = context
        bases = list(filter(None, map(_BASE.match, head)))
        dates = [match[1] for line in head if (match := _DATE.match(line))]
        self._number_base = 10 if bases and bases[0][1].lower() == "dec" else 16
        self._is_relative = bool(bases) and bases[0][2].lower() == "relative"
        if not bases:
            context.tally.note(
                "its header names no base and no kind of times: hexadecimal and absolute are assumed"
            )
        self._start_us = self._date_us(dates[0]) if dates else None
        if not dates:
            context.tally.dateless = "its header names no date"
        self._base_us = self._start_us or 0
        context.is_dated = self._start_us is not None
        self._last_us = 0
        self._block_us: int | None = None

    def __call__(self, line: str) -> Row | str | None:
        if _OTHER.match(line) or _BASE.match(line):
            return None
        if block := _BLOCK.match(line):
            self._block_us = self._date_us(block[1]) if block[1] else None
            return None
        event = _EVENT.fullmatch(line.rstrip())
        if not event:
            raise ValueError("it is no event")
        time_us, rest = self._time_us(event["time"]), event["rest"]
        if frame := _FRAME.match(rest):
            return self._classic(time_us, frame)
        if frame := _FD.match(rest):
            return self._fd(time_us, frame)
        if _ERROR.match(rest):
            return "error"
        if _BROKEN.fullmatch(rest):
            raise ValueError("it breaks off")
        return None  # an event of the logger or of another bus

    def _classic(self, time_us: int, match: re.Match[str]) -> Row | str:
        if match["kind"] == "r":
            return "remote"
        words = match["rest"].split()
        size = int(words[0], self._number_base) if words else -1
        if _CLASSIC < size <= _LONGEST_CODE:
            size = _CLASSIC
        return self._row(time_us, match, words[1 : 1 + size], size)

    def _fd(self, time_us: int, match: re.Match[str]) -> Row | str:
        size, code = int(match["size"]), int(match["code"], 16)
        if code and not size:
            return "remote"
        return self._row(time_us, match, match["rest"].split()[:size], size)

    def _row(self, time_us: int, match: re.Match[str], words: Sequence[str], size: int) -> Row:
        is_hex = self._number_base == 16  # noqa: PLR2004  # hexadecimal
        if len(words) != size or (is_hex and any(len(word) != 2 for word in words)):  # noqa: PLR2004  # digits of a byte
            raise ValueError("it breaks off")
        number = int(match["id"].rstrip("x"), self._number_base)
        data = bytes(int(word, self._number_base) for word in words)
        return Row(time_us, number, match["id"].endswith("x"), match["bus"], data, match["way"] != "Rx")

    def _time_us(self, given: str) -> int:
        time_us = micros(given.replace(",", "."))
        if self._is_relative:
            time_us += self._last_us
        self._last_us = time_us
        if self._block_us is not None:
            self._choose_base(time_us, self._block_us)
            self._block_us = None
        return self._base_us + time_us

    def _choose_base(self, time_us: int, block_us: int) -> None:
        """Choose what the times of a trigger block count from, by its first one."""
        if self._start_us is None:
            self._start_us, self._context.is_dated = block_us, True
            self._context.tally.dateless = None
        is_from_start = abs(self._start_us + time_us - block_us) <= abs(time_us)
        self._base_us = self._start_us if is_from_start else block_us

    def _date_us(self, text_: str) -> int | None:
        moment = date.read(text_)
        if moment is None:
            self._context.tally.dateless = f"its date is of no known kind: {text_.strip()!r}"
            return None
        return epoch_us(moment, self._context.zone)


ASC: Final = text("Vector ASC", _RECOGNISED, _Asc)
