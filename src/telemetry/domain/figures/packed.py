"""Columns and partial results as bytes, which show whether they are whole.

Four bytes of CRC-32 over all that follows, four bytes with the length of the head, the head, and arrays. Each
array begins at a multiple of eight bytes, so that it can be used where it lies.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zlib import crc32

import msgspec
import numpy as np
import numpy.typing as npt

from telemetry.domain.figures.columns import Columns, Sparse, Stream
from telemetry.domain.figures.coverage import StreamCoverage
from telemetry.domain.figures.entries import Entries
from telemetry.domain.figures.partial import BY_STREAM, Partial
from telemetry.domain.figures.sums import Sums
from telemetry.domain.store.objects import LineFaults

VERSION: Final = 1
"""Is part of the names in the cache. It changes with the form of these bytes, and with what is computed."""

_ALIGNED: Final = 8
_WORD: Final = 4

Array = npt.NDArray[Any]


class Part(msgspec.Struct, frozen=True):
    """What one object of the raw store holds, and which of its lines are no records of the hour."""

    columns: Columns
    faults: LineFaults


class State(msgspec.Struct, frozen=True):
    """What the objects of an hour, or of a bucket of it, add up to.

    `objects` has the damaged lines of each object, by its name in the cache.
    """

    objects: Mapping[str, LineFaults]
    partial: Partial
    coverage: Mapping[str, Mapping[str, StreamCoverage]]


class DamagedError(ValueError):
    """Bytes that are not what was packed."""


class _Array(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    shape: tuple[int, ...]


class _PartHead(msgspec.Struct, frozen=True, array_like=True):
    arrays: list[_Array]
    faults: LineFaults
    streams: list[Stream]
    dense_names: list[str]
    sparse_names: list[str]


class _StateHead(msgspec.Struct, frozen=True, array_like=True):
    arrays: list[_Array]
    objects: dict[str, LineFaults]
    streams: list[Stream]
    names: list[str]
    lowest: int
    coverage: dict[str, dict[str, StreamCoverage]]


_encode: Final = msgspec.msgpack.Encoder().encode
_part_head: Final = msgspec.msgpack.Decoder(_PartHead).decode
_state_head: Final = msgspec.msgpack.Decoder(_StateHead).decode


def pack_part(part: Part) -> bytes:
    """Write what an object holds."""
    columns, sparse = part.columns, part.columns.sparse
    arrays: list[Array] = [columns.stream, columns.offset, columns.received, columns.dense]
    arrays += [sparse.record, sparse.name, sparse.value]
    head = _PartHead(
        _described(arrays),
        part.faults,
        list(columns.streams),
        list(columns.dense_names),
        list(columns.sparse_names),
    )
    return _joined(_encode(head), arrays)


def unpack_part(data: memoryview) -> Part:
    """Read what `pack_part` wrote, without a copy. Raise DamagedError."""
    head_bytes = _checked(data)
    head = _part_head(head_bytes)
    stream, offset, received, dense, *sparse = _arrays(data, len(head_bytes), head.arrays)
    columns = Columns(
        head.streams, stream, offset, received, head.dense_names, dense, head.sparse_names, Sparse(*sparse)
    )
    return Part(columns, head.faults)


def pack_state(state: State) -> bytes:
    """Write what an hour adds up to."""
    partial, entries = state.partial, state.partial.entries
    arrays: list[Array] = [getattr(partial, field) for field in BY_STREAM]
    arrays += [entries.stream, entries.name, entries.count, entries.low, entries.high, entries.sums.limbs]
    head = _StateHead(
        _described(arrays),
        dict(state.objects),
        list(partial.streams),
        list(partial.names),
        entries.sums.lowest,
        {vehicle_id: dict(streams) for vehicle_id, streams in state.coverage.items()},
    )
    return _joined(_encode(head), arrays)


def unpack_state(data: memoryview) -> State:
    """Read what `pack_state` wrote. Raise DamagedError."""
    head_bytes = _checked(data)
    head = _state_head(head_bytes)
    arrays = _arrays(data, len(head_bytes), head.arrays)
    by_stream = dict(zip(BY_STREAM, arrays, strict=False))
    stream, name, count, low, high, limbs = arrays[len(BY_STREAM) :]
    entries = Entries(stream, name, count, low, high, Sums(limbs, head.lowest))
    partial = Partial(streams=head.streams, names=head.names, entries=entries, **by_stream)
    return State(head.objects, partial, head.coverage)


def _described(arrays: Sequence[Array]) -> list[_Array]:
    return [_Array(each.dtype.str, each.shape) for each in arrays]


def _joined(head: bytes, arrays: Sequence[Array]) -> bytes:
    parts = [len(head).to_bytes(_WORD, "big"), head, _gap(2 * _WORD + len(head))]
    for each in arrays:
        parts += [each.tobytes(), _gap(each.nbytes)]
    checksum = 0
    for part in parts:
        checksum = crc32(part, checksum)
    return b"".join([checksum.to_bytes(_WORD, "big"), *parts])


def _gap(size: int) -> bytes:
    return bytes(-size % _ALIGNED)


def _checked(data: memoryview) -> memoryview:
    """Return the head of what was packed. Raise DamagedError."""
    if len(data) < 2 * _WORD or crc32(data[_WORD:]) != int.from_bytes(data[:_WORD], "big"):
        raise DamagedError("it is not what was packed")
    return data[2 * _WORD :][: int.from_bytes(data[_WORD : 2 * _WORD], "big")]


def _arrays(data: memoryview, head: int, described: Sequence[_Array]) -> list[Array]:
    place = 2 * _WORD + head
    found = []
    for each in described:
        place += -place % _ALIGNED
        count = math.prod(each.shape)
        array = np.frombuffer(data, each.kind, count, place) if count else np.zeros(0, each.kind)
        found.append(array.reshape(each.shape))
        place += array.nbytes
    return found
