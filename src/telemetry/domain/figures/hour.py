"""The figures of an hour as they are stored, and the listing that they were built from."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.rollup import VehicleFigures
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.storage import ObjectInfo


class Aggregated(msgspec.Struct, frozen=True):
    """The figures of an hour as they are stored.

    `input_digest` is of the listing of all `objects` that were read. `skewed` counts the records received in
    this hour that are in no hour's figures, because their clock could not be believed. `damaged` counts the
    objects that could not be decoded and are left out. The rest is as in `rollup.Figures`.
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


class Built(msgspec.Struct, frozen=True):
    """An hour whose figures were written under `key`, and what was damaged in its objects and left out."""

    hour: Hour
    key: str
    aggregated: Aggregated
    damage: Sequence[DamagedObjectError] = ()


class Listing(NamedTuple):
    """The objects of an hour, in the two trees."""

    raw: Sequence[ObjectInfo]
    skewed: Sequence[ObjectInfo]

    @property
    def digest(self) -> str:
        """Name what is listed, by key and size."""
        named = (f"{info.key} {info.size}\n" for tree in self for info in tree)
        return blake2b("".join(named).encode(), digest_size=16).hexdigest()


encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(Aggregated).decode
