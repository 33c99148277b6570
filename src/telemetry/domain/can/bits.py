"""Where a raw value lies in a frame, and how many frames are read or written at once.

Eight bytes of a frame become a word of 64 bits, in which the first byte is the lowest. In this order a
little-endian field is one run of bits. A big-endian field is one run of bits once the bytes of the word are
reversed. A field that lies in nine bytes takes the rest of its bits from the byte after its word.
"""

from collections.abc import Sequence
from typing import Final, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Words: TypeAlias = npt.NDArray[np.uint64]
Rows: TypeAlias = npt.NDArray[np.intp]
Raws: TypeAlias = npt.NDArray[np.uint64] | npt.NDArray[np.int64] | npt.NDArray[np.float64]
Order = Literal["little", "big"]
Kind = Literal["unsigned", "signed", "float"]

BYTES: Final = 8
"""Bytes that a classic CAN frame has at most, and bytes of a word."""

_BITS: Final = 8 * BYTES
_FLOATS: Final = {16: "2", 32: "4", 64: "8"}


class Block:
    """Frames that all have one size, as an array (frames, size) of their bytes."""

    def __init__(self, data: Bytes) -> None:
        self.data = data
        self.size: int = data.shape[1]
        self._words: dict[int, Words] = {}

    @classmethod
    def of(cls, frames: Sequence[bytes]) -> Self:
        """Make a block of frames, at least one and all of one size."""
        return cls(np.frombuffer(b"".join(frames), np.uint8).reshape(len(frames), len(frames[0])))

    def __len__(self) -> int:
        return len(self.data)

    def words(self, start: int = 0) -> Words:
        """Return the words (frames,) of the 8 bytes from `start` on; what is beyond the frames is zero."""
        if (words := self._words.get(start)) is None:
            words = self._words[start] = _words(self.data[:, start : start + BYTES])
        return words

    def rows(self, rows: Rows) -> "Block":
        """Make a block of some of the frames."""
        return Block(self.data[rows])


def words(frames: Sequence[bytes]) -> Words:
    """Make the words of the first 8 bytes of frames, at least one and all of one size."""
    return Block.of(frames).words()


def frames(words: Words, size: int) -> Sequence[bytes]:
    """Make the frames of words, each of `size` bytes."""
    row = words.astype("<u8", copy=False).tobytes()
    return [row[start : start + size] for start in range(0, len(row), BYTES)]


class Field:
    """One field of a frame; its place is counted as in DBC files.

    `start` is the lowest bit of a little-endian field, and the highest bit of a big-endian one. `size` is how
    many bytes a frame must have to hold it whole. `mask` has ones where the field lies in a frame.
    """

    def __init__(self, start: int, length: int, order: Order = "little", kind: Kind = "unsigned") -> None:
        """Raise ValueError if the field is none of 1 to 64 bits, or no float has the length of a float."""
        first = start if order == "little" else 8 * (start // 8) + 7 - start % 8
        if start < 0 or not 0 < length <= _BITS:
            raise ValueError(f"{length} bits from bit {start} on are no field of 1 to {_BITS} bits")
        if kind == "float" and length not in _FLOATS:
            raise ValueError(f"there is no float of {length} bits")
        self.length = length
        self.kind: Kind = kind
        self.size = -(-(first + length) // 8)
        self._is_big_endian = order == "big"
        # Most fields lie in one of the words that follow each other, so that fields share them.
        self._start = first // _BITS * BYTES
        if self.size > self._start + BYTES:
            self._start = first // 8
        skipped = first - 8 * self._start
        self._skipped = skipped
        self._spilled = max(0, skipped + length - _BITS)
        self._shift = skipped if order == "little" else max(0, _BITS - skipped - length)
        self._ones = 2**length - 1
        run = first if order == "little" else 8 * self.size - first - length
        self.mask = int.from_bytes((self._ones << run).to_bytes(self.size, order), "little")

    def take(self, block: Block) -> Raws:
        """Return the raw values (frames,), each in 64 bits, whatever the field's length."""
        raw = self._run(block)
        if self.kind == "signed":
            # A shift to the upper end and back down copies the sign into all bits above the field.
            above = _BITS - self.length
            whole: Raws = np.left_shift(raw, above).view(np.int64) >> above
            return whole
        raw &= self._ones
        if self.kind == "float":
            width = _FLOATS[self.length]
            with np.errstate(invalid="ignore"):  # a NaN that signals is a NaN
                return raw.astype(f"u{width}").view(f"f{width}").astype(np.float64)
        return raw

    def put(self, raw: Raws) -> Words:
        """Make words (n,) that hold raw values, which must fit, in the field's place and zeros elsewhere.

        The field must lie within the first 8 bytes.
        """
        if self.kind == "float":
            width = _FLOATS[self.length]
            bits = raw.astype(f"f{width}").view(f"u{width}").astype(np.uint64)
        else:
            bits = raw.astype(np.int64 if self.kind == "signed" else np.uint64).view(np.uint64) & self._ones
        placed: Words = np.left_shift(bits, self._shift)
        return placed.byteswap() if self._is_big_endian else placed

    def _run(self, block: Block) -> Words:
        """Return the field's bits as the lowest ones of new words; the bits above are any."""
        words = block.words(self._start)
        ordered = words.byteswap() if self._is_big_endian else words
        raw: Words
        if not self._spilled:
            raw = np.right_shift(ordered, self._shift)
            return raw
        rest = block.data[:, self._start + BYTES].astype(np.uint64)
        if self._is_big_endian:
            raw = np.left_shift(ordered, self._spilled) | rest >> (8 - self._spilled)
        else:
            raw = np.right_shift(ordered, self._skipped) | rest << (_BITS - self._skipped)
        return raw


def _words(data: Bytes) -> Words:
    """Make words of up to 8 bytes of each frame."""
    count, size = data.shape
    if size < BYTES:
        padded = np.zeros((count, BYTES), np.uint8)
        padded[:, :size] = data
    else:
        padded = np.ascontiguousarray(data)
    return padded.view("<u8")[:, 0].astype(np.uint64, copy=False)
