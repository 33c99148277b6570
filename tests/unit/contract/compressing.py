"""How the tests of compression make what a client may send."""

import gzip
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import zstandard

from telemetry.domain.contract.compression import Encoding, compress

LIMIT = 100_000


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def zstd_without_size(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True, write_content_size=False).compress(data)


ENCODERS: list[tuple[Encoding, Callable[[bytes], bytes]]] = [
    ("gzip", gzipped),
    ("zstd", compress),
    ("zstd", zstd_without_size),
]
in_every_encoding = pytest.mark.parametrize(
    ("encoding", "encode"), ENCODERS, ids=["gzip", "zstd", "zstd without size"]
)


def zstd_pieces(data: bytes) -> bytes:
    """Compress into a frame that has a block for each part that was fed, as a client does that streams."""
    compressor = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    parts = [data[start : start + 50] for start in range(0, len(data), 50)]
    blocks = [
        compressor.compress(part) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for part in parts
    ]
    return b"".join([*blocks, compressor.flush()])


def skippable(content: bytes, kind: int = 0) -> bytes:
    """Encode a frame that a decoder skips (RFC 8878, section 3.1.2)."""
    return bytes([0x50 + kind]) + b"\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


def peak_of(work: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
