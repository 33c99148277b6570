"""The figures of an hour as they are stored, and the listing that they were built from."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Final, Self

import msgspec

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.certificate import Certificate
from telemetry.domain.figures.moved import GONE
from telemetry.domain.figures.rollup import VehicleFigures
from telemetry.domain.store.objects import DamagedObjectError, UnreadObjectError
from telemetry.domain.store.storage import ObjectInfo


class Aggregated(msgspec.Struct, frozen=True):
    """The figures of an hour as they are stored.

    `input_digest` is of the listing of all `objects` that were read, of which `raw_objects` are raw ones; in
    figures of earlier versions that is None. `skewed` counts the records received in
    this hour that are in no hour's figures, because their clock could not be believed. `damaged` counts the
    objects that could not be decoded or read and are left out. The rest is as in `rollup.Figures`.

    If raw objects that the figures were built from are gone, the figures are kept as they are:
    `inputs_missing` counts those objects, and `inputs_waiting` the ones that came later and are left out.
    """

    hour: str
    objects: int
    input_digest: str
    records: int
    unique: int
    duplicates: int
    refused: int
    skewed: int
    vehicles: Mapping[str, VehicleFigures]
    damaged: int = 0
    conflicting: int = 0
    inputs_missing: int = 0
    inputs_waiting: int = 0
    left_out: int = 0
    certificate: Certificate | None = None
    raw_objects: int | None = None

    @property
    def is_measured(self) -> bool:
        """Whether it was measured how whole all streams are, which is done once the hour is over."""
        return all(vehicle.streams for vehicle in self.vehicles.values())


class Kept(msgspec.Struct, frozen=True):
    """Why figures were kept: how much they were built from, and how much of it is there now.

    `records_now` is None if objects are gone, because then the rest was not read. `missing` is the key of the
    first raw object that is gone, or that is not what it was.
    """

    objects_before: int
    objects_now: int
    records_before: int
    records_now: int | None = None
    missing: str | None = None


class Built(msgspec.Struct, frozen=True):
    """An hour whose figures are stored under `key`, and what was damaged in its objects and left out.

    `kept` says why they are still the old ones, if they are. `is_new` is false if the store had the same
    before.
    """

    hour: Hour
    key: str
    aggregated: Aggregated
    damage: Sequence[DamagedObjectError] = ()
    kept: Kept | None = None
    is_new: bool = True

    @property
    def unread(self) -> frozenset[str]:
        """Return the keys of the objects that could not be read and may be later."""
        return frozenset(error.key for error in self.damage if isinstance(error, UnreadObjectError))


class Listing(msgspec.Struct, frozen=True, dict=True):
    """The objects of an hour, in the two trees."""

    raw: Sequence[ObjectInfo]
    skewed: Sequence[ObjectInfo]

    def __iter__(self) -> Iterator[Sequence[ObjectInfo]]:
        yield self.raw
        yield self.skewed

    @property
    def objects(self) -> int:
        return len(self.raw) + len(self.skewed)

    @property
    def seen(self) -> str:
        """Name what is there of what is listed: what was taken up and removed is not."""
        return self.without({info.key for info in self.raw if info.stored_ms == GONE}).digest

    @cached_property
    def digest(self) -> str:
        """Name what is listed, by key and size."""
        named = (f"{info.key} {info.size}\n" for tree in self for info in tree)
        return blake2b("".join(named).encode(), digest_size=16).hexdigest()

    def without(self, keys: Collection[str]) -> Self:
        """Return the listing without some of its objects."""
        if not keys:
            return self
        return type(self)(*([info for info in tree if info.key not in keys] for tree in self))


encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(Aggregated).decode
