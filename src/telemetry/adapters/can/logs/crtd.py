"""CRTD, the log of the Open Vehicle Monitoring System."""

import re
from collections.abc import Sequence
from typing import Final

from telemetry.adapters.can.logs import lines
from telemetry.adapters.can.logs.format import Context, is_date, micros, text
from telemetry.adapters.can.logs.lines import Parse
from telemetry.adapters.can.logs.rows import Row

_LINE: Final = re.compile(
    r"(?P<time>\d+\.\d+) (?P<bus>\d?)(?:(?P<way>[RT])(?P<bits>11|29) (?P<id>[0-9A-Fa-f]+)(?P<data>.*)|C[A-Z]{2}\b.*)",
    re.ASCII,
)

_RECOGNISED: Final = re.compile(r"\d+\.\d+ \d?([RT](11|29) [0-9A-Fa-f]|C(XX|EV) )", re.ASCII)


def _read(line: str) -> Row | str | None:
    if not line.strip():
        return None
    match = _LINE.fullmatch(line.rstrip())
    if not match:
        raise ValueError("it is no record")
    if not match["way"]:
        return None  # a comment, a command or an event
    return Row(
        micros(match["time"]),
        int(match["id"], 16),
        match["bits"] == "29",
        match["bus"] or "1",
        lines.pairs(match["data"]),
        match["way"] == "T",
    )


def _parser(head: Sequence[str], context: Context) -> Parse:
    match = next(filter(None, map(_LINE.match, head)))
    context.is_dated = is_date(float(match["time"]))
    return _read


CRTD: Final = text("CRTD", _RECOGNISED, _parser)
