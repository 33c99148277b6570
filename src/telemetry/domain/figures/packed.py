"""Arrays as bytes that show damage, and of which a part can be read without the rest.

Four bytes of CRC-32 over what follows up to the end of the head, four bytes with the length of the head, the
head, and arrays. The head describes each array, with a CRC-32 of every block of it. Each array begins at a
multiple of eight bytes, so that it can be used where it lies.
"""

import math
from collections.abc import Sequence
from typing import Any, Final
from zlib import crc32

import msgspec
import numpy as np
import numpy.typing as npt

VERSION: Final = 2
"""Is part of the names in the cache. It changes with the form of these bytes, and with what is computed."""

_ALIGNED: Final = 8
_WORD: Final = 4
_BLOCK: Final = 1 << 14  # bytes

Array = npt.NDArray[Any]


class DamagedError(ValueError):
    """Bytes that are not what was packed."""


class _Array(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    shape: tuple[int, ...]
    checksums: bytes


class _Head(msgspec.Struct, frozen=True, array_like=True):
    arrays: list[_Array]
    rest: msgspec.Raw


encode: Final = msgspec.msgpack.Encoder().encode
_head: Final = msgspec.msgpack.Decoder(_Head).decode


def pack(rest: object, arrays: Sequence[Array]) -> bytes:
    """Write arrays, and beside them anything that MessagePack can hold."""
    bodies = [_bytes_of(each) for each in arrays]
    described = [
        _Array(each.dtype.str, each.shape, _checksums(body))
        for each, body in zip(arrays, bodies, strict=True)
    ]
    head = encode(_Head(described, msgspec.Raw(encode(rest))))
    size = len(head).to_bytes(_WORD, "big")
    pieces: list[bytes | memoryview] = [
        crc32(head, crc32(size)).to_bytes(_WORD, "big"),
        size,
        head,
        _gap(2 * _WORD + len(head)),
    ]
    for body in bodies:
        pieces += [body, _gap(len(body))]
    return b"".join(pieces)


class Packed:
    """What was packed. Raise DamagedError if the head is damaged, or when a damaged part is asked for."""

    def __init__(self, data: memoryview) -> None:
        size = int.from_bytes(data[_WORD : 2 * _WORD], "big")
        head = data[2 * _WORD : 2 * _WORD + size]
        if not size or crc32(data[_WORD : 2 * _WORD + size]) != int.from_bytes(data[:_WORD], "big"):
            raise DamagedError("it is not what was packed")
        read = _head(head)
        self.rest = read.rest
        self._data = data
        self._arrays = read.arrays
        self._places = []
        place = 2 * _WORD + size
        for each in self._arrays:
            place += -place % _ALIGNED
            self._places.append(place)
            place += _size_of(each)
        if len(data) < place:
            raise DamagedError("its end is missing")

    def array(
        self, number: int, first: int = 0, end: int | None = None, rows: Sequence[int] | None = None
    ) -> Array:
        """Return an array; of a matrix the columns, else the elements, from `first` up to `end`.

        `rows` chooses rows of a matrix. A part is a copy, and so is what is empty, so that it does not keep
        the bytes of the rest in memory.
        """
        described = self._arrays[number]
        height, width = math.prod(described.shape[:-1]), described.shape[-1]
        end = width if end is None else end
        whole: Array = np.ndarray(described.shape, described.kind, self._data, self._places[number])
        item = whole.itemsize
        for row in range(height) if rows is None else rows:
            self._check(number, (row * width + first) * item, (row * width + end) * item)
        if rows is not None:
            return whole[rows, first:end]
        part = whole[..., first:end]
        return part if 0 < part.size == whole.size else part.copy()

    def _check(self, number: int, first: int, end: int) -> None:
        """Compare the checksums of the blocks in which bytes of an array lie."""
        described, place = self._arrays[number], self._places[number]
        for block in range(first // _BLOCK, -(-end // _BLOCK)):
            start = place + block * _BLOCK
            data = self._data[start : min(start + _BLOCK, place + _size_of(described))]
            if crc32(data) != int.from_bytes(described.checksums[_WORD * block :][:_WORD], "big"):
                raise DamagedError("a block of it is not what was packed")


def _bytes_of(array: Array) -> memoryview:
    return np.ascontiguousarray(array).data.cast("B") if array.size else memoryview(b"")


def _checksums(body: memoryview) -> bytes:
    blocks = (body[start : start + _BLOCK] for start in range(0, len(body), _BLOCK))
    return b"".join(crc32(block).to_bytes(_WORD, "big") for block in blocks)


def _size_of(described: _Array) -> int:
    return math.prod(described.shape) * np.dtype(described.kind).itemsize


def _gap(size: int) -> bytes:
    return bytes(-size % _ALIGNED)
