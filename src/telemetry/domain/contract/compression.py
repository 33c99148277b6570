"""Compression of bytes, and decompression with a bound on what it may produce.

gzip is one member after another (RFC 1952, section 2.2), and zstd one frame after another (RFC 8878, section
3). Between them a frame that is to be skipped may stand (RFC 8878, section 3.1.2). Whatever else follows the
last one is an error.
"""

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Final, Generic, Literal, TypeVar

import zstandard

from telemetry.domain.errors import TelemetryError

Encoding = Literal["gzip", "zstd"]
C = TypeVar("C")

MAX_CODINGS: Final = 3
"""Codings of one body that are undone, one after another."""

MAX_PARTS: Final = 10_000
"""gzip members or zstd frames that one body may have: an empty one takes 9 bytes, and time of its own."""

_CODINGS: Final[dict[str, Encoding]] = {"gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd"}
_SHOWN: Final = 40  # characters of an unknown coding that a sender is shown

_WIDEST_WINDOW: Final = (
    8 * 1024 * 1024
)  # bytes; RFC 8878, section 3.1.1.1.2, asks every decoder to support it
_GZIP: Final = 16 + zlib.MAX_WBITS
_FIRST_FEED: Final = 256  # bytes; many members are hardly longer, and what is left of a feed is copied
_WIDEST_FEED: Final = 1024 * 1024

_MAGIC: Final = zstandard.FRAME_HEADER
_SKIPPED: Final = bytes.fromhex("2a4d18")  # after a byte of 0x50 to 0x5f
_SIZE_OF_MAGIC: Final = 4
_SIZE_OF_CHECKSUM: Final = 4
_SIZE_OF_BLOCK_HEAD: Final = 3
_LONGEST_FRAME_HEAD: Final = 18
_RLE: Final = 1  # a block of one byte that is repeated
_MOST_IDLE: Final = 4  # contexts, each of which takes up to 4 MB at level 3, and 15 MB at level 9


class TooLargeError(TelemetryError, ValueError):
    """The bytes would decompress to more than the caller allows."""


class UnknownCodingError(TelemetryError, ValueError):
    """A list of content codings has one that is not known, or has too many."""


class _Reused(Generic[C]):
    """Contexts of the library, which are kept: to make one takes longer than to compress a few bytes.

    None is used by two threads at once.
    """

    def __init__(self, make: Callable[[], C]) -> None:
        self._make = make
        self._idle: deque[C] = deque(maxlen=_MOST_IDLE)

    @contextmanager
    def one(self) -> Iterator[C]:
        """Yield a context that nobody else uses meanwhile."""
        try:
            context = self._idle.pop()
        except IndexError:
            context = self._make()
        try:
            yield context
        finally:
            self._idle.append(context)


@lru_cache
def _compressors(level: int) -> _Reused[zstandard.ZstdCompressor]:
    return _Reused(partial(zstandard.ZstdCompressor, level=level, write_checksum=True))


_decompressors: Final = _Reused(partial(zstandard.ZstdDecompressor, max_window_size=_WIDEST_WINDOW))


def compress(data: bytes, level: int = 1) -> bytes:
    """Compress into one zstd frame that carries its size and a checksum of its content."""
    with _compressors(level).one() as compressor:
        return compressor.compress(data)


def undo(data: bytes, lines: Iterable[str], limit: int) -> bytes:
    """Undo the codings that Content-Encoding lists, the last one first (RFC 9110, section 8.4).

    What each step gives has at most `limit` bytes. Raise UnknownCodingError, TooLargeError beyond the limit,
    and another ValueError if the bytes are not what the list says.
    """
    for coding in reversed(_listed(lines)):
        data = decompress(data, coding, limit)
    return data


def decompress(data: bytes, encoding: Encoding, limit: int) -> bytes:
    """Decompress all gzip members or zstd frames, and produce at most `limit` + 1 bytes at any time.

    Raise TooLargeError beyond the limit, ValueError if the bytes are damaged, cut short or followed by
    others.
    """
    return _gunzip(data, limit) if encoding == "gzip" else _unzstd(data, limit)


def frames(data: bytes) -> Iterator[bytes]:
    """Yield the zstd frames of some bytes, compressed as they are. Raise ValueError if they are damaged."""
    view, start = memoryview(data), 0
    while start < len(view):
        try:
            end = _end_of_frame(view, start)
        except (IndexError, zstandard.ZstdError) as error:
            raise ValueError(f"It is not one whole zstd frame: {error}.") from error
        yield bytes(view[start:end])
        start = end


class Unzstd:
    """The plain bytes of zstd frames that `read` gives, whatever is in a frame that breaks off included."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._is_open = False
        self._rest = self._plain = b""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end. Raise EOFError if a frame breaks off.

        Raise ValueError if the bytes are damaged.
        """
        while not self._plain:
            packed = self._rest or self._read(_WIDEST_FEED)
            if not packed:
                if self._is_open:
                    raise EOFError("its compressed bytes break off")
                return b""
            self._unpack(packed)
        some, self._plain = self._plain[:size], self._plain[size:]
        return some

    def _unpack(self, packed: bytes) -> None:
        try:
            self._plain = self._frame.decompress(packed)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
        self._is_open, self._rest = not self._frame.eof, self._frame.unused_data
        if self._frame.eof:
            self._frame = zstandard.ZstdDecompressor().decompressobj()


def _listed(lines: Iterable[str]) -> Sequence[Encoding]:
    """Return the codings of a header in the order in which they were applied; `identity` is none."""
    named = [coding.strip().lower() for line in lines for coding in line.split(",")]
    codings = [coding for coding in named if coding not in ("", "identity")]
    for coding in codings:
        if coding not in _CODINGS:
            raise UnknownCodingError(f"Content-Encoding is gzip or zstd, not {coding[:_SHOWN]!r}.")
    if len(codings) > MAX_CODINGS:
        raise UnknownCodingError(
            f"Content-Encoding lists {len(codings)} codings, and at most {MAX_CODINGS} are undone."
        )
    return [_CODINGS[coding] for coding in codings]


def _gunzip(data: bytes, limit: int) -> bytes:
    inflate = zlib.decompressobj(_GZIP)
    try:
        content = inflate.decompress(data, limit + 1)
    except zlib.error as error:
        raise ValueError(f"It is not gzip: {error}.") from error
    _check_size(len(content), limit)
    if not inflate.eof:
        raise ValueError("It is not one whole gzip member.")
    if not (rest := inflate.unused_data):
        return content
    return b"".join([content, *_members(memoryview(rest), limit - len(content), limit)])


def _members(data: memoryview, left: int, limit: int) -> Iterator[bytes]:
    """Yield the content of gzip members, `left` bytes at the most, from a view that is not empty.

    A member does not say how long it is, and what is fed to it beyond its end is copied. So each is fed
    little at first.
    """
    parts = 1
    while data:
        parts += 1
        _check_parts(parts)
        inflate = zlib.decompressobj(_GZIP)
        feed = _FIRST_FEED
        while not inflate.eof:
            if not data:
                raise ValueError("It is not one whole gzip member.")
            try:
                content = inflate.decompress(data[:feed], left + 1)
            except zlib.error as error:
                raise ValueError(f"It is not one whole gzip member: {error}.") from error
            left -= len(content)
            if left < 0:
                _check_size(limit + 1, limit)
            data = data[min(feed, len(data)) - len(inflate.unused_data) :]
            feed = min(2 * feed, _WIDEST_FEED)
            yield content


def _unzstd(data: bytes, limit: int) -> bytes:
    try:
        if data.startswith(_MAGIC):
            size = zstandard.get_frame_parameters(data).content_size
            # Of a frame that names no size, or size 0, the library checks neither content nor end.
            if size not in (0, zstandard.CONTENTSIZE_UNKNOWN):
                _check_size(size, limit)  # the library believes a frame that names its size
                with _decompressors.one() as decompressor:
                    return decompressor.decompress(data, max_output_size=limit, allow_extra_data=False)
    except zstandard.ZstdError:
        pass  # it may be several frames
    return _unzstd_frames(data, limit)


def _unzstd_frames(data: bytes, limit: int) -> bytes:
    """Decompress frames of any kind, whatever size they name."""
    # A frame that names its size may have a window of that size, which counts no more than its content does.
    decompressor = zstandard.ZstdDecompressor(max_window_size=max(_WIDEST_WINDOW, limit))
    reader = decompressor.stream_reader(data, read_across_frames=True)
    try:
        content = reader.read(limit + 1)
        _check_size(len(content), limit)
        is_whole = _ends_with_a_frame(memoryview(data))  # which the reader does not say
    except zstandard.ZstdError as error:
        raise ValueError(f"It is not one whole zstd frame: {error}.") from error
    if not is_whole:
        raise ValueError("It is not one whole zstd frame: the last one is cut short.")
    return content


def _ends_with_a_frame(data: memoryview) -> bool:
    parts = end = 0
    try:
        while end < len(data) or not parts:
            parts += 1
            _check_parts(parts)
            end = _end_of_frame(data, end)
    except IndexError:  # the data end before a block does
        return False
    return end == len(data)


def _end_of_frame(data: memoryview, start: int) -> int:
    """Return where a frame ends; the data may end before it does."""
    head = bytes(data[start : start + _LONGEST_FRAME_HEAD])
    if head[1:_SIZE_OF_MAGIC] == _SKIPPED:
        size = int.from_bytes(head[_SIZE_OF_MAGIC : 2 * _SIZE_OF_MAGIC], "little")
        return start + 2 * _SIZE_OF_MAGIC + size
    place = start + zstandard.frame_header_size(head)
    is_last = 0
    while not is_last:
        block = data[place] | data[place + 1] << 8 | data[place + 2] << 16
        is_last = block & 1
        place += _SIZE_OF_BLOCK_HEAD + (1 if block >> 1 & 3 == _RLE else block >> 3)
    return place + (_SIZE_OF_CHECKSUM if zstandard.get_frame_parameters(head).has_checksum else 0)


def _check_parts(parts: int) -> None:
    if parts > MAX_PARTS:
        raise TooLargeError(f"It has more than {MAX_PARTS} members or frames.")


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooLargeError(f"It decompresses to more than {limit} bytes.")
