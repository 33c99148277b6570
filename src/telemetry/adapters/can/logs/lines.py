"""Logs of one line a frame: how they are cut into lines, and what becomes of a line that is no frame."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias

from telemetry.adapters.can.logs.rows import MANY, Row, Rows, checked
from telemetry.adapters.can.logs.stream import Stream
from telemetry.domain.can.columns import Frames
from telemetry.domain.can.source import Tally

CHUNK: Final = 1024 * 1024
"""Bytes that are parsed in one go."""

_LONGEST_LINE: Final = 64 * 1024
_DIGITS: Final = 2  # of a byte
_PATIENCE: Final = 1000  # unreadable lines in a row, after which it is no log of this kind any more

Parse: TypeAlias = Callable[[str], Row | str | None]
"""Reads a line: a frame, the reason why a frame is skipped, or None of a line that holds none.

It raises ValueError if a line cannot be read.
"""


class Chunk(NamedTuple):
    """Whole lines, each with its end, the number of the first, and whether the last one has no end."""

    text: bytes
    number: int
    is_cut: bool = False


def chunks(stream: Stream) -> Iterator[Chunk]:
    """Cut a log into chunks of whole lines; a byte-order mark is left out."""
    number, rest = 1, b""
    while some := stream.read(CHUNK):
        text = (rest + some).removeprefix(b"\xef\xbb\xbf") if number == 1 else rest + some
        end = text.rfind(b"\n") + 1
        if not end and len(text) > _LONGEST_LINE:
            text, end = text + b"\n", len(text) + 1
        if end:
            yield Chunk(text[:end], number)
            number += text.count(b"\n", 0, end)
        rest = text[end:]
    if rest:
        yield Chunk(rest, number, is_cut=True)


class Judge:
    """Counts what becomes of each line, and ends the reading of what is no log any more."""

    def __init__(self, tally: Tally, parse: Parse) -> None:
        self._tally = tally
        self._parse = parse
        self._in_a_row = 0

    @property
    def is_lost(self) -> bool:
        return self._in_a_row >= _PATIENCE

    def count(self, frames: int) -> None:
        """Count frames that were read without a look at each line."""
        self._tally.frames += frames
        self._in_a_row = 0 if frames else self._in_a_row

    def row(self, line: bytes, number: int) -> Row | None:
        """Read a line; return its frame, if it holds one."""
        text = line.decode("utf-8", "replace").strip("\r\n")
        try:
            row = self._parse(text)
            if isinstance(row, Row):
                checked(row)
        except (ValueError, OverflowError) as error:
            self._tally.spoil(f"line {number}", text.strip(), str(error))
            self._in_a_row += 1
            if self.is_lost:
                self._tally.fault = f"{_PATIENCE} lines in a row, to line {number}, are none of its kind"
            return None
        self._in_a_row = 0
        if isinstance(row, str):
            self._tally.skipped[row] += 1
        elif row:
            self._tally.frames += 1
            return row
        return None


def read(stream: Stream, tally: Tally, parse: Parse) -> Iterator[Frames]:
    """Yield the frames of a log whose lines `parse` reads."""
    judge, rows = Judge(tally, parse), Rows()
    for chunk in chunks(stream):
        for number, line in enumerate(chunk.text.split(b"\n"), start=chunk.number):
            if line and (row := judge.row(line, number)):
                rows.add(row)
            if judge.is_lost:
                break
            if len(rows) >= MANY:
                yield rows.take()
        yield rows.take()
        if judge.is_lost:
            break


def pairs(text: str) -> bytes:
    """Read bytes of two hex digits each. Raise ValueError if one breaks off."""
    if any(len(each) != _DIGITS for each in text.split()):
        raise ValueError("it breaks off within a byte")
    return bytes.fromhex(text)
