"""candump's log, `candump -L`, read by columns: lines that have the same shape are read at once.

    (1764000000.000000) can0 123#1027000000000000

The shape of a line is where its bracket closes, where its `#` is and where it ends. What has another form is
read by itself: remote and error frames, CAN FD, and what is no frame.
"""

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from telemetry.adapters.can.logs import lines
from telemetry.adapters.can.logs.format import Context, Format, first_lines, is_date, micros
from telemetry.adapters.can.logs.lines import Chunk, Judge
from telemetry.adapters.can.logs.rows import Row
from telemetry.adapters.can.logs.stream import Stream
from telemetry.domain.can.columns import CLASSIC, FD, Bytes, Frames, Places

_LINE: Final = re.compile(
    r"\((?P<time>[\d.]+)\)\s+(?P<bus>\S+)\s+(?P<id>[0-9A-Fa-f]{8}|[0-9A-Fa-f]{3})"
    r"#(?:(?P<fd>#)(?P<flags>[0-9A-Fa-f]))?(?P<data>[0-9A-Fa-f.]*|R\d?)(?:_[0-9A-Fa-f])?(?:\s+(?P<way>[RT]))?",
    re.ASCII,
)
_ERROR: Final = 0x2000_0000
_STANDARD_DIGITS: Final = 3
_EXTENDED_DIGITS: Final = 8
_FRACTION: Final = 6  # digits of a second
_LONGEST: Final = 128  # bytes of a line that is read by columns

_NIBBLES: Final = np.full(256, 0xFF, np.uint8)
for _digit in "0123456789abcdefABCDEF":
    _NIBBLES[ord(_digit)] = int(_digit, 16)


def _read(line: str) -> Row | str | None:
    """Read a line by itself."""
    if not line.strip():
        return None
    match = _LINE.fullmatch(line.strip())
    if not match:
        raise ValueError("it is no frame")
    number, data = int(match["id"], 16), match["data"]
    is_extended = len(match["id"]) == _EXTENDED_DIGITS
    if is_extended and number & _ERROR:
        return "error"
    if data.startswith("R"):
        return "remote"
    packed = data.replace(".", "")
    if len(packed) % 2:
        raise ValueError("it breaks off within a byte")
    return Row(
        micros(match["time"]), number, is_extended, match["bus"], bytes.fromhex(packed), match["way"] == "T"
    )


class _Table:
    """The frames of one chunk; each line has a row, and `is_frame` says which hold one."""

    def __init__(self, size: int, buses: dict[str, int]) -> None:
        self._times_us = np.zeros(size, np.int64)
        self._ids = np.zeros(size, np.uint32)
        self._is_extended = np.zeros(size, np.bool_)
        self._buses = np.zeros(size, np.uint16)
        self._is_sent = np.zeros(size, np.bool_)
        self._lengths = np.zeros(size, np.uint8)
        self._data = np.zeros((size, CLASSIC), np.uint8)
        self._names = buses
        self.is_frame = np.zeros(size, np.bool_)

    def put(self, place: int, row: Row) -> None:
        """Enter the frame of one line."""
        if len(row.data) > self._data.shape[1]:
            self._data = np.pad(self._data, ((0, 0), (0, FD - CLASSIC)))
        self._times_us[place], self._ids[place] = row.time_us, row.can_id
        self._is_extended[place], self._is_sent[place] = row.is_extended, row.is_sent
        self._buses[place] = self._number(row.bus)
        self._lengths[place] = len(row.data)
        self._data[place, : len(row.data)] = np.frombuffer(row.data, np.uint8)
        self.is_frame[place] = True

    def put_alike(self, places: Places, text: Bytes, close: int, mark: int) -> None:
        """Enter lines whose bytes are `text` (n, size), with their bracket at `close` and their # at `mark`.

        Those that are not of the common form are left out.
        """
        size, digits = text.shape[1], mark - 1 - _last_space(text[0, :mark])
        data = _NIBBLES[text[:, mark + 1 :]]
        number = _NIBBLES[text[:, mark - digits : mark]]
        time = text[:, 1:close] - np.uint8(ord("0"))
        point = close - 1 - _FRACTION - 1
        fits = (text[:, 1 + point] == ord(".")) & (text[:, 0] == ord("(")) & (text[:, close + 1] == ord(" "))
        fits &= (text[:, mark - digits - 1] == ord(" ")) & (data.max(axis=1, initial=0) < 16)  # noqa: PLR2004  # nibbles
        fits &= (number.max(axis=1) < 16) & (np.delete(time, point, 1).max(axis=1) <= 9)  # noqa: PLR2004  # digits
        ids = _number(number, 16)
        fits &= (ids < _ERROR) if digits == _EXTENDED_DIGITS else (ids <= 0x7FF)  # noqa: PLR2004  # highest standard id
        names = text[:, close + 2 : mark - digits - 1]
        fits &= (names == names[0]).all(axis=1) & (names[0] != ord(" ")).all()
        places, length = places[fits], (size - mark - 1) // 2
        self._times_us[places] = _number(np.delete(time, point, 1)[fits], 10)
        self._ids[places] = ids[fits]
        self._is_extended[places] = digits == _EXTENDED_DIGITS
        self._buses[places] = self._number(names[0].tobytes().decode("utf-8", "replace"))
        self._lengths[places] = length
        self._data[places, :length] = (data[:, ::2] << 4 | data[:, 1::2])[fits]
        self.is_frame[places] = True

    def frames(self) -> Frames:
        whole = Frames(
            self._times_us,
            self._ids,
            self._is_extended,
            self._buses,
            self._is_sent,
            self._lengths,
            self._data,
            list(self._names),
        )
        return whole if self.is_frame.all() else whole.take(self.is_frame)

    def _number(self, bus: str) -> int:
        return self._names.setdefault(bus, len(self._names))


def _number(digits: Bytes, base: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the number that each row of digits (n, size) is."""
    total = np.zeros(len(digits), np.int64)
    for column in digits.T:
        total *= base
        total += column
    return total


def _last_space(text: Bytes) -> int:
    spaces = np.flatnonzero(text == ord(" "))
    return int(spaces[-1]) if spaces.size else -1


def _first(of: Places, starts: Places, none: int) -> Places:
    """Return for each start the first place of `of` from there on, `none` if there is none."""
    found: Places = np.append(of, none)[np.searchsorted(of, starts)]
    return found


def _alike(text: Bytes, starts: Places, ends: Places) -> Iterator[tuple[Places, Bytes, int, int]]:
    """Yield the lines of each shape that is read by columns: their places, bytes, bracket and #."""
    close = _first(np.flatnonzero(text == ord(")")), starts, len(text)) - starts
    mark = _first(np.flatnonzero(text == ord("#")), starts, len(text)) - starts
    size = ends - starts
    digits = size - mark - 1
    usable = (
        (close > _FRACTION + 2) & (close + 2 + _STANDARD_DIGITS < mark) & (mark < size) & (size <= _LONGEST)
    )
    usable &= (digits % 2 == 0) & (digits <= 2 * CLASSIC)
    places = np.flatnonzero(usable)
    keys = (close * _LONGEST + mark) * _LONGEST + size
    order = places[np.argsort(keys[places], kind="stable")]
    breaks = np.flatnonzero(np.diff(keys[order])) + 1
    for some in np.split(order, breaks):
        if some.size:
            width = int(size[some[0]])
            rows = np.ndarray((len(text) - width + 1,), f"V{width}", text, strides=(1,))[starts[some]]
            yield some, rows.view(np.uint8).reshape(-1, width), int(close[some[0]]), int(mark[some[0]])


def _frames(chunk: Chunk, judge: Judge, buses: dict[str, int]) -> Frames:
    text = np.frombuffer(chunk.text if not chunk.is_cut else chunk.text + b"\n", np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    starts = np.concatenate(([0], ends[:-1] + 1))
    table = _Table(len(ends), buses)
    stops = ends - ((ends > starts) & (text[ends - 1] == ord("\r")))
    for places, rows, close, mark in _alike(text, starts, stops):
        if _last_space(rows[0, :mark]) in {mark - 1 - _STANDARD_DIGITS, mark - 1 - _EXTENDED_DIGITS}:
            table.put_alike(places, rows, close, mark)
    judge.count(int(np.count_nonzero(table.is_frame)))
    for place in np.flatnonzero(~table.is_frame).tolist():
        if row := judge.row(text[starts[place] : stops[place]].tobytes(), chunk.number + place):
            table.put(place, row)
        if judge.is_lost:
            break
    return table.frames()


def _read_all(stream: Stream, context: Context) -> Iterator[Frames]:
    times = [match["time"] for line in first_lines(stream.head) if (match := _LINE.match(line.strip()))]
    context.is_dated = is_date(micros(times[0]) / 1e6)
    judge, buses = Judge(context.tally, _read), dict[str, int]()
    for chunk in lines.chunks(stream):
        yield _frames(chunk, judge, buses)
        if judge.is_lost:
            break


def _recognises(head: bytes) -> bool:
    return any(_LINE.match(line.strip()) for line in first_lines(head))


CANDUMP: Final = Format("candump -L", _recognises, _read_all)
