"""BLF, Vector's log in binary; its date is on a clock of the zone.

A file is a sequence of objects, each with a head that says its size. Most are containers, whose content,
usually packed by zlib, is again a sequence of objects, one of which may begin in one container and end in the
next. Where an object is damaged, reading goes on at the next one.
"""

import zlib
from collections.abc import Iterator
from datetime import datetime
from struct import Struct
from struct import error as ShortError  # noqa: N812  # it is an error
from typing import Final, NamedTuple

from telemetry.adapters.can.logs.format import Context, Format, epoch_us
from telemetry.adapters.can.logs.rows import MANY, STANDARD, Row, Rows, checked
from telemetry.adapters.can.logs.stream import Stream
from telemetry.domain.can.columns import Frames
from telemetry.domain.can.source import Tally

_MAGIC: Final = b"LOGG"
_MARK: Final = b"LOBJ"

_FILE: Final = Struct("<4sI8xQ8xII8H")
_HEAD: Final = Struct("<4sHHII")
_TIME: Final = Struct("<I4xQ")
_CONTAINER: Final = Struct("<H14x")
_CLASSIC: Final = Struct("<HBBI8s")
_FD: Final = Struct("<HBBI5xBB5x64s")
_FD64: Final = Struct("<BBBxI4xI18xBB4x")

_CONTAINER_KIND: Final = 10
_CLASSIC_KINDS: Final = (1, 86)
_FD_KIND: Final = 100
_FD64_KIND: Final = 101
_SKIPPED: Final = {2: "error", 73: "error", 104: "error", 3: "overload"}

_PADDING: Final = 3  # bytes at the most
_LARGEST: Final = 64 * 1024 * 1024
_PACKED: Final = 2
_TEN_MICROS: Final = 1
_EXTENDED: Final = 0x8000_0000
_ID: Final = 0x1FFF_FFFF
_REMOTE: Final = 0x80
_REMOTE_FD64: Final = 0x10
_SENT: Final = 1


class _Object(NamedTuple):
    """One object: what kind it is, and its bytes, the head included; `is_cut` if they break off."""

    kind: int
    data: bytes
    is_cut: bool = False


class _Objects:
    """Bytes that are cut into objects, as far as they are there."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._rest = b""
        self._position = 0
        self._is_lost = False  # what comes next may be the rest of an object that is lost

    def add(self, some: bytes) -> Iterator[_Object]:
        """Add the next bytes, and yield the objects that are now whole."""
        data, place = self._rest + some, 0
        while (start := self._next(data, place)) is not None:
            size, kind = _HEAD.unpack_from(data, start)[3:]
            if start + size > len(data):
                place = start
                break
            yield _Object(kind, data[start : start + size])
            place = start + size
        else:
            place = max(place, len(data) - _HEAD.size)
        self._position += place
        self._rest = data[place:]

    def rest(self) -> _Object | None:
        """Return the last object, which breaks off, if there is one; begin anew."""
        rest, self._rest, self._is_lost = self._rest, b"", True
        if not rest.startswith(_MARK) or len(rest) < _HEAD.size:
            return None
        return _Object(_HEAD.unpack_from(rest)[4], rest, is_cut=True)

    def _next(self, data: bytes, place: int) -> int | None:
        """Return where the next object begins, None if that is not known yet."""
        start = data.find(_MARK, place)
        if start < 0 or start + _HEAD.size > len(data):
            return None
        if _HEAD.size <= _HEAD.unpack_from(data, start)[3] <= _LARGEST:
            if start > place + _PADDING and not self._is_lost:
                self._tally.spoil(f"byte {self._position + place}", "", "no object begins here")
            self._is_lost = False
            return start
        self._tally.spoil(f"byte {self._position + start}", "", "an object has no size")
        return self._next(data, start + len(_MARK))


class _Blf:
    """Reads the frames of one log."""

    def __init__(self, stream: Stream, context: Context) -> None:
        self._stream = stream
        self._tally = context.tally
        self._rows = Rows()
        head, self.size, self._start_us = _start(stream, context)
        stream.exactly(head - _FILE.size)

    def frames(self) -> Iterator[Frames]:
        outer, inner = _Objects(self._tally), _Objects(self._tally)
        while some := self._stream.read(MANY * 16):
            for each in outer.add(some):
                yield from self._read(each, inner)
        if cut := outer.rest():
            yield from self._read(cut, inner)
        yield self._rows.take()

    def _read(self, each: _Object, inner: _Objects) -> Iterator[Frames]:
        if each.kind == _CONTAINER_KIND:
            for one in inner.add(self._unpacked(each, inner)):
                self._add(one)
        elif not each.is_cut:
            self._add(each)
        if len(self._rows) >= MANY:
            yield self._rows.take()

    def _unpacked(self, container: _Object, inner: _Objects) -> bytes:
        content = container.data[_HEAD.size + _CONTAINER.size :]
        if (
            _CONTAINER.unpack_from(container.data.ljust(_HEAD.size + _CONTAINER.size), _HEAD.size)[0]
            != _PACKED
        ):
            return content
        try:
            return zlib.decompressobj().decompress(content)
        except zlib.error as error:
            self._tally.spoil("a container", "", str(error))
            inner.rest()
            return b""

    def _add(self, each: _Object) -> None:
        if reason := _SKIPPED.get(each.kind):
            self._tally.skipped[reason] += 1
            return
        if each.kind not in _READ:
            return  # an event of the logger or of another bus
        try:
            flags, time = _TIME.unpack_from(each.data, _HEAD.size)
            time_us = time * 10 if flags == _TEN_MICROS else (time + 500) // 1000
            row = _READ[each.kind](self._start_us + time_us, each.data, _HEAD.unpack_from(each.data)[1])
            if row:
                self._rows.add(checked(row))
        except (ShortError, ValueError) as error:
            self._tally.spoil("a frame", each.data[:24].hex(" "), str(error))
            return
        if row:
            self._tally.frames += 1
        else:
            self._tally.skipped["remote"] += 1


def _start(stream: Stream, context: Context) -> tuple[int, int, int]:
    """Return the size of the head, that of the whole file, and when the log starts (microseconds)."""
    _, head, size, _, _, *start = _FILE.unpack(stream.exactly(_FILE.size).ljust(_FILE.size, b"\0"))
    try:
        year, month, _, day, hour, minute, second, ms = start
        moment = datetime(year, month, day, hour, minute, second, ms * 1000)  # noqa: DTZ001  # of the zone
    except ValueError:
        context.is_dated = False
        context.tally.dateless = "its header has no date"
        return head, size, 0
    return head, size, epoch_us(moment, context.zone)


def _classic(time_us: int, data: bytes, head: int) -> Row | None:
    channel, flags, size, number, content = _CLASSIC.unpack_from(data, head)
    if flags & _REMOTE:
        return None
    return _row(time_us, number, channel, content[:size], flags & _SENT)


def _fd(time_us: int, data: bytes, head: int) -> Row | None:
    channel, flags, _, number, _, size, content = _FD.unpack_from(data, head)
    if flags & _REMOTE:
        return None
    return _row(time_us, number, channel, content[:size], flags & _SENT)


def _fd64(time_us: int, data: bytes, head: int) -> Row | None:
    channel, _, size, number, flags, sent, beyond = _FD64.unpack_from(data, head)
    if flags & _REMOTE_FD64:
        return None
    content = data[head + _FD64.size : beyond or None]
    # Some loggers leave out the zeros at the end.
    return _row(time_us, number, channel, content[:size].ljust(size, b"\0"), sent)


def _row(time_us: int, number: int, channel: int, data: bytes, sent: int) -> Row:
    can_id = number & _ID
    is_extended = bool(number & _EXTENDED) or can_id > STANDARD  # some loggers leave out the flag
    return Row(time_us, can_id, is_extended, str(channel), data, bool(sent))


_READ: Final = {**dict.fromkeys(_CLASSIC_KINDS, _classic), _FD_KIND: _fd, _FD64_KIND: _fd64}


def _frames(stream: Stream, context: Context) -> Iterator[Frames]:
    log = _Blf(stream, context)
    yield from log.frames()
    if stream.count < log.size:
        context.tally.fault = f"it says that it has {log.size} bytes, and has {stream.count}"


BLF: Final = Format("Vector BLF", lambda head: head.startswith(_MAGIC), _frames)
