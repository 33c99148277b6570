"""What the figures of an hour were built from, kept in an object beside them.

Its key is `aggregated/.../hour=14/_inputs-<digest>-<bytes>`, with the digest of the listing that the figures
were last compared with, and the size of the figures. So a listing of both trees and of the figures tells
which hours are out of date, and nothing has to be read for that. Engines that read a folder leave out names
that begin with `_`.

The figures are put first, this object second, and an older one of it is deleted last. Whatever a crash leaves
of that, the next comparison finds an hour that is not current, and builds or completes it.
"""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, NamedTuple, Self

import msgspec

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.hour import Aggregated, Listing
from telemetry.domain.store import objects

_KEY: Final = re.compile(r"/_inputs-([0-9a-f]+)-(\d{1,18})\Z", re.ASCII)
_CLAIM: Final = re.compile(r"/_skewed-(-?\d{1,9})\Z", re.ASCII)
_COUNTED: Final = ("input_digest", "records", "unique", "duplicates", "refused", "damaged", "vehicles")


class Inputs(msgspec.Struct, frozen=True):
    """What figures were built from.

    `digest` is of that listing, which had so many `objects`, and `raw` has the size of each raw object by its
    key; it is None where only their number is known, `raw_objects`, and not even that in figures of earlier
    versions. `records` and `unique` are as in the figures. `figures` names the figures, see `digest`.
    """

    digest: str
    objects: int
    raw: Mapping[str, int] | None
    records: int
    unique: int
    figures: str
    raw_objects: int | None = None

    @classmethod
    def of(cls, listing: Listing, aggregated: Aggregated) -> Self:
        """Name the objects that figures were built from."""
        return cls(
            digest=listing.digest,
            objects=listing.objects,
            raw={info.key: info.size for info in listing.raw},
            records=aggregated.records,
            unique=aggregated.unique,
            figures=digest(aggregated),
        )

    @classmethod
    def unnamed(cls, aggregated: Aggregated) -> Self:
        """Say what figures alone tell, if nothing beside them does, as after a crash between both."""
        return cls(
            digest=aggregated.input_digest,
            objects=aggregated.objects,
            raw=None,
            records=aggregated.records,
            unique=aggregated.unique,
            figures=digest(aggregated),
            raw_objects=aggregated.raw_objects,
        )


class Name(NamedTuple):
    """What the name of inputs says: with which listing figures of which size, in bytes, were compared."""

    seen: str
    size: int

    def key(self, hour: Hour) -> str:
        """Name the inputs of an hour."""
        return f"{objects.aggregated_key(hour).rpartition('/')[0]}/_inputs-{self.seen}-{self.size}"


def read_name(key: str) -> Name | None:
    """Read the name in a key, None if it is not of inputs."""
    match = _KEY.search(key)
    return Name(match[1], int(match[2])) if match else None


def claim_key(claimed: Hour, by: Hour) -> str:
    """Name the mark that an hour gets whose figures may have skewed records of another one."""
    return f"{objects.aggregated_key(claimed).rpartition('/')[0]}/_skewed-{by}"


def read_claim(key: str) -> Hour | None:
    """Read which hour a mark names, None if the key is not of a mark."""
    match = _CLAIM.search(key)
    return Hour(int(match[1])) if match else None


def digest(aggregated: Aggregated) -> str:
    """Name figures by what was counted in raw objects; what is said beside that may change later."""
    counted = (getattr(aggregated, name) for name in _COUNTED)
    return blake2b(encode(tuple(counted)), digest_size=16).hexdigest()


encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(Inputs).decode
