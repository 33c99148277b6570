"""Raw objects that were taken up into other objects: what they hold is read from these.

An hour whose raw objects were removed for that has not lost them: its figures are those of all raw objects
that there ever were. So a listing names these too, as `GONE`, and its digest does not change by it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.columns import Columns
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.storage import ObjectInfo

GONE: Final = -1
"""The `stored_ms` of an object that is not there any more."""

PIECE: Final = "#"
"""Stands between the key of an object and the number of a piece of it."""


class Summed(msgspec.Struct, frozen=True):
    """An object with what all pieces add up to: who computes figures from it reads no piece.

    It can be computed again from these. `version` is that of its form, and a stream has `names` signals in it
    at the most.
    """

    key: str
    size: int
    digest: str
    version: int
    names: int


class Moved(msgspec.Struct, frozen=True):
    """Raw objects of an hour that were taken up, by key and size, and `pieces` that hold what they had."""

    inputs: Mapping[str, int]
    pieces: Sequence[ObjectInfo]
    summed: Summed | None = None

    def whole(self, raw: Sequence[ObjectInfo]) -> Sequence[ObjectInfo]:
        """Return a listing with the objects that are gone."""
        there = {info.key for info in raw}
        gone = [ObjectInfo(key, size, GONE) for key, size in self.inputs.items() if key not in there]
        return sorted([*raw, *gone])

    def sources(self, raw: Sequence[ObjectInfo]) -> Sequence[ObjectInfo]:
        """Return what to read for a listing: the pieces, and the raw objects that were not taken up."""
        return [*self.pieces, *(info for info in raw if self.inputs.get(info.key) != info.size)]


class Moves(Protocol):
    """Knows which raw objects were taken up. Both verbs raise DamagedObjectError."""

    async def of(self, hour: Hour) -> Moved | None:
        """Return what was taken up of an hour, None if nothing was. Raw objects are listed before."""
        ...

    def read(self, key: str, data: bytes, hour: Hour, only: int | None = None) -> Iterator[Columns]:
        """Yield the pieces of an object, or only the one with this number."""
        ...


class NoMoves:
    """Nothing was taken up."""

    async def of(self, hour: Hour) -> None:
        pass

    def read(self, key: str, data: bytes, hour: Hour, only: int | None = None) -> Iterator[Columns]:  # noqa: ARG002  # the port's
        raise DamagedObjectError(key, "it is in a form that is not known here")
