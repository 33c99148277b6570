"""CSV of SavvyCAN and of GVRET devices; a frame's time is in microseconds."""

import re
from collections.abc import Sequence
from typing import Final

from telemetry.adapters.can.logs.format import Context, is_date, text
from telemetry.adapters.can.logs.lines import Parse
from telemetry.adapters.can.logs.rows import STANDARD, Row

_HEAD: Final = re.compile(r"\s*Time Stamp\s*,\s*ID\s*,\s*Extended\s*,.*\bLEN\b", re.IGNORECASE)
_DIGITS: Final = 2  # of a byte
_TRUE: Final = ("true", "1")


class _Gvret:
    """Reads lines whose columns a line at the start names."""

    def __init__(self, head: str) -> None:
        names = [name.strip().lower() for name in head.split(",")]
        self._head = head
        self._time, self._id, self._extended, self._size = map(
            names.index, ("time stamp", "id", "extended", "len")
        )
        self._bus = names.index("bus") if "bus" in names else None
        self._way = names.index("dir") if "dir" in names else None

    def __call__(self, line: str) -> Row | str | None:
        if not line.strip() or line == self._head:
            return None
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) <= self._size:
            raise ValueError("it breaks off")
        size = int(cells[self._size])
        data = cells[self._size + 1 : self._size + 1 + size]
        if len(data) < size or any(len(cell) != _DIGITS for cell in data):
            raise ValueError("it breaks off")
        can_id = int(cells[self._id], 16)
        is_extended = cells[self._extended].lower() in _TRUE or can_id > STANDARD
        return Row(
            int(cells[self._time]),
            can_id,
            is_extended,
            "0" if self._bus is None else cells[self._bus],
            bytes(int(cell, 16) for cell in data),
            self._way is not None and cells[self._way].lower() == "tx",
        )


def _parser(head: Sequence[str], context: Context) -> Parse:
    at = next(place for place, line in enumerate(head) if _HEAD.match(line))
    first = head[at + 1].partition(",")[0].strip() if len(head) > at + 1 else ""
    context.is_dated = first.isdecimal() and is_date(int(first) / 1e6)
    return _Gvret(head[at])


GVRET: Final = text("SavvyCAN CSV", _HEAD, _parser)
