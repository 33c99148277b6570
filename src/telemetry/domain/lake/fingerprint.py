"""Digests of many records at once that do not depend on their order or on how they are split.

Each record becomes 128 bits, and these are added up. So what was read from lines one after another is
compared with what was read back from sorted columns. Bits are mixed as in SplitMix64 (Steele, Lea and Flood,
2014), twice with different constants. It finds faults, and is no defence against somebody who makes them.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, Self

import msgspec
import numpy as np
import numpy.typing as npt

from telemetry.domain.figures.columns import Columns

Hashes = npt.NDArray[np.uint64]

_LANES: Final = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)
_RECEIVED: Final = np.uint64(0xA24BAED4963EE407)  # keeps a receipt from being taken for a timestamp
_MASK: Final = (1 << 64) - 1


class Sum(msgspec.Struct, frozen=True):
    """What some records add up to."""

    count: int = 0
    low: int = 0
    high: int = 0

    def __add__(self, other: Self) -> "Sum":
        return Sum(self.count + other.count, self.low + other.low & _MASK, self.high + other.high & _MASK)

    def __str__(self) -> str:
        return f"{self.high:016x}{self.low:016x}"


def of_records(columns: Columns) -> Sum:
    """Add up all records with all that is in them, copies too."""
    return _sum([_records(columns, lane) for lane in _LANES])


def of_identities(columns: Columns) -> Sum:
    """Add up the identities, each once."""
    low, high = (_identities(columns, lane) for lane in _LANES)
    _, firsts = np.unique(low, return_index=True)
    return _sum([low[firsts], high[firsts]])


def _sum(lanes: Sequence[Hashes]) -> Sum:
    low, high = (int(np.add.reduce(lane, dtype=np.uint64)) for lane in lanes)
    return Sum(lanes[0].size, low, high)


def _identities(columns: Columns, lane: int) -> Hashes:
    streams = _named([f"{vehicle_id} {can_id}" for vehicle_id, can_id in columns.streams], lane)
    return _mixed(streams[columns.stream] + columns.offset.astype(np.uint64), lane)


def _records(columns: Columns, lane: int) -> Hashes:
    found = _mixed(
        _identities(columns, lane) ^ _mixed(columns.received.view(np.uint64) ^ _RECEIVED, lane), lane
    )
    for name, row in zip(_named(columns.dense_names, lane), columns.dense, strict=True):
        found += np.where(np.isnan(row), np.uint64(0), _mixed(_bits(row) ^ name, lane))
    sparse = columns.sparse
    names = _named(columns.sparse_names, lane)[sparse.name]
    np.add.at(found, sparse.record, _mixed(_bits(sparse.value) ^ names, lane))
    return _mixed(found, lane)


def _bits(values: npt.NDArray[np.float64]) -> Hashes:
    return np.ascontiguousarray(values).view(np.uint64)


def _named(names: Sequence[str], lane: int) -> Hashes:
    digests = b"".join(blake2b(name.encode(), digest_size=8).digest() for name in names)
    return _mixed(np.frombuffer(digests, "<u8").astype(np.uint64), lane)


def _mixed(values: Any, lane: int) -> Hashes:  # noqa: ANN401  # an array or a scalar of numpy
    mixed = values + np.uint64(lane)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: Hashes = mixed ^ (mixed >> np.uint64(31))
    return found
