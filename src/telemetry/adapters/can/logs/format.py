"""What a format of logs is: how it is recognised, and how it is read."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Final, NamedTuple

import msgspec

from telemetry.adapters.can.logs import lines
from telemetry.adapters.can.logs.lines import Parse
from telemetry.adapters.can.logs.stream import Stream
from telemetry.domain.can.columns import Frames
from telemetry.domain.can.measured import Block
from telemetry.domain.can.source import Tally

_LOOKED_AT: Final = 60  # lines by which a text is recognised
_DATED_FROM_S: Final = 100_000_000  # 1973: what counts from its own start does not reach so far


class Context(msgspec.Struct):
    """What a reader is told and what it tells: the zone of times without one; how far it came."""

    zone: tzinfo | None
    """None is that of this machine."""
    tally: Tally
    is_dated: bool = True
    """Whether times count from 1970-01-01 UTC; if not, from the log's own start."""


class Format(NamedTuple):
    """One format; `recognises` sees the first bytes."""

    name: str
    recognises: Callable[[bytes], bool]
    blocks: Callable[[Stream, Context], Iterator[Block]]


def text(name: str, pattern: re.Pattern[str], parser: Callable[[Sequence[str], Context], Parse]) -> Format:
    """Make a format of lines, of which one at the start fits `pattern`.

    `parser` sees the first lines, and returns what reads a line.
    """

    def frames(stream: Stream, context: Context) -> Iterator[Frames]:
        return lines.read(stream, context.tally, parser(first_lines(stream.head), context))

    return Format(name, lambda head: any(map(pattern.match, first_lines(head))), frames)


def first_lines(head: bytes) -> Sequence[str]:
    """Return the first lines of a text."""
    return head.decode("utf-8-sig", "replace").splitlines()[:_LOOKED_AT]


def micros(seconds: str) -> int:
    """Read seconds as whole microseconds. Raise ValueError if they are no number."""
    whole, _, fraction = seconds.partition(".")
    if not (whole + fraction).isascii() or not (whole.isdigit() and (fraction or "0").isdigit()):
        raise ValueError(f"{seconds} is no time")
    return int(whole) * 1_000_000 + int(f"{fraction:0<6.6}")


def is_date(seconds: float) -> bool:
    """Return whether seconds count from 1970-01-01, because they are so many."""
    return seconds >= _DATED_FROM_S


def epoch_us(moment: datetime, zone: tzinfo | None) -> int:
    """Return the microseconds since 1970-01-01 UTC of a moment on a clock of `zone`, or of this machine."""
    return round(moment.replace(tzinfo=zone).timestamp() * 1_000_000)
