"""Where a raw value lies in a frame of up to 8 bytes, and how many frames are read or written at once.

A frame becomes a word of 64 bits: byte 0 of the frame is the lowest byte of its word. In this order a
little-endian field is one run of bits. A big-endian field is one run of bits once the bytes of the word are
reversed.
"""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.uint64]
Raws: TypeAlias = npt.NDArray[np.uint64] | npt.NDArray[np.int64] | npt.NDArray[np.float64]
Order = Literal["little", "big"]
Kind = Literal["unsigned", "signed", "float"]

BYTES: Final = 8
"""Bytes that a classic CAN frame has at most, and bytes of a word."""

_BITS: Final = 8 * BYTES
_FLOATS: Final = {16: "2", 32: "4", 64: "8"}


def words(frames: Sequence[bytes]) -> Words:
    """Make the words of frames, at least one and all of one size; bytes after the eighth are left out."""
    size, joined = len(frames[0]), b"".join(frames)
    if size == BYTES:
        return np.frombuffer(joined, "<u8").astype(np.uint64, copy=False)
    padded = np.zeros((len(frames), BYTES), np.uint8)
    padded[:, :size] = np.frombuffer(joined, np.uint8).reshape(len(frames), size)[:, :BYTES]
    return padded.view("<u8")[:, 0].astype(np.uint64, copy=False)


def frames(words: Words, size: int) -> Sequence[bytes]:
    """Make the frames of words, each of `size` bytes."""
    row = words.astype("<u8", copy=False).tobytes()
    return [row[start : start + size] for start in range(0, len(row), BYTES)]


class Field:
    """One field of a frame; its place is counted as in DBC files.

    `start` is the lowest bit of a little-endian field, and the highest bit of a big-endian one. `size` is how
    many bytes a frame must have to hold it whole. `mask` has ones where the field lies in a word.
    """

    def __init__(self, start: int, length: int, order: Order = "little", kind: Kind = "unsigned") -> None:
        """Raise ValueError if the field is not within 8 bytes, or if no float has the length of a float."""
        first = start if order == "little" else 8 * (start // 8) + 7 - start % 8
        if first < 0 or length < 1 or first + length > _BITS:
            raise ValueError(f"{length} bits from bit {start} on do not lie within {BYTES} bytes")
        if kind == "float" and length not in _FLOATS:
            raise ValueError(f"there is no float of {length} bits")
        self.length = length
        self.kind: Kind = kind
        self.size = -(-(first + length) // 8)
        self._is_big_endian = order == "big"
        self._shift = first if order == "little" else _BITS - first - length
        self._ones = 2**length - 1
        mask = self._ones << self._shift
        self.mask = int.from_bytes(mask.to_bytes(BYTES, order), "little")

    def take(self, words: Words) -> Raws:
        """Return the raw values that lie in words (n,), each in 64 bits, whatever the field's length."""
        ordered = words.byteswap() if self._is_big_endian else words
        if self.kind == "signed":
            # A shift to the upper end and back down copies the sign into all bits above the field.
            above = _BITS - self.length - self._shift
            whole: Raws = np.left_shift(ordered, above).view(np.int64) >> (_BITS - self.length)
            return whole
        raw: Words = np.right_shift(ordered, self._shift)
        raw &= self._ones
        if self.kind == "float":
            width = _FLOATS[self.length]
            return raw.astype(f"u{width}").view(f"f{width}").astype(np.float64)
        return raw

    def put(self, raw: Raws) -> Words:
        """Make words (n,) that hold raw values, which must fit, in the field's place and zeros elsewhere."""
        if self.kind == "float":
            width = _FLOATS[self.length]
            bits = raw.astype(f"f{width}").view(f"u{width}").astype(np.uint64)
        else:
            bits = raw.astype(np.int64 if self.kind == "signed" else np.uint64).view(np.uint64) & self._ones
        placed: Words = np.left_shift(bits, self._shift)
        return placed.byteswap() if self._is_big_endian else placed
