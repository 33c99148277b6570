"""Compression of bytes, and decompression with a bound on what it may produce."""

import zlib
from typing import Final, Literal

import zstandard

from telemetry.domain.errors import TelemetryError

Encoding = Literal["gzip", "zstd"]

_WIDEST_WINDOW: Final = (
    8 * 1024 * 1024
)  # bytes; RFC 8878, section 3.1.1.1.2, asks every decoder to support it
_GZIP: Final = 16 + zlib.MAX_WBITS


class TooLargeError(TelemetryError, ValueError):
    """The bytes would decompress to more than the caller allows."""


def compress(data: bytes, level: int = 1) -> bytes:
    """Compress into one zstd frame that carries its size and a checksum of its content."""
    return zstandard.ZstdCompressor(level=level, write_checksum=True).compress(data)


def decompress(data: bytes, encoding: Encoding, limit: int) -> bytes:
    """Decompress one whole gzip member or zstd frame, holding at most `limit` + 1 bytes of output.

    Raise TooLargeError beyond the limit, ValueError if the bytes are damaged, cut short or followed by
    others.
    """
    return _gunzip(data, limit) if encoding == "gzip" else _unzstd(data, limit)


def _gunzip(data: bytes, limit: int) -> bytes:
    inflate = zlib.decompressobj(_GZIP)
    try:
        content = inflate.decompress(data, limit + 1)
    except zlib.error as error:
        raise ValueError(f"It is not gzip: {error}.") from error
    _check_size(len(content), limit)
    if not inflate.eof or inflate.unused_data:
        raise ValueError("It is not one whole gzip member.")
    return content


def _unzstd(data: bytes, limit: int) -> bytes:
    inflate = zstandard.ZstdDecompressor(max_window_size=_WIDEST_WINDOW)
    try:
        size = zstandard.get_frame_parameters(data).content_size
        if size in (0, zstandard.CONTENTSIZE_UNKNOWN):
            return _unzstd_piecemeal(data, inflate, limit)
        _check_size(size, limit)  # the library believes a frame that names its size
        return inflate.decompress(data, max_output_size=limit, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError(f"It is not one whole zstd frame: {error}.") from error


def _unzstd_piecemeal(data: bytes, inflate: zstandard.ZstdDecompressor, limit: int) -> bytes:
    """Decompress a frame that names no size, or size 0, which the library would not check."""
    _check_size(len(inflate.stream_reader(data).read(limit + 1)), limit)
    pieces = inflate.decompressobj()
    content = pieces.decompress(data)
    if not pieces.eof or pieces.unused_data:
        raise ValueError("It is not one whole zstd frame.")
    return content


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooLargeError(f"It decompresses to more than {limit} bytes.")
