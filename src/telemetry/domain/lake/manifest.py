"""The manifest of an hour: which objects hold its compacted records, and which raw objects these stand for.

    compacted/year=2025/month=10/day=19/hour=14/_manifest-000002.json
    compacted/year=2025/month=10/day=19/hour=14/records-000002-<epoch ms>-<digest>.parquet
    compacted/year=2025/month=10/day=19/hour=14/_copies-000002-<epoch ms>-<digest>.parquet
    compacted/year=2025/month=10/day=19/hour=14/_sums-000002-<epoch ms>-<digest>.zst

A manifest never changes. The one with the highest revision is the one that counts, and it alone makes the
objects that it names visible. A reader of an hour does this:

1. List `raw/` of the hour, and after that list `compacted/` of it.
2. Follow the manifest with the highest revision. Without one, list `raw/` again, and read all of it; if an
   object is gone that was there before, begin again.
3. Read the objects that it names, and the raw objects that it does not name by key and size.
4. Of records of one identity, take the one received first. The objects of a manifest have each identity
   once, so that this is needed only if raw objects are read beside them.
5. If an object is gone that was to be read, begin at 1 again.

What a listing of `raw/` lacks was removed before, and so is in a manifest that was there before. That is why
`raw/` is listed first. A manifest is removed only once all that it has is in `raw/` again, which is why that
is listed once more. Engines that read a folder leave out names that begin with `_`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, Literal

import msgspec

from telemetry.domain.contract.moment import Hour, hour_path
from telemetry.domain.figures.moved import Summed
from telemetry.domain.store import objects
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.storage import ObjectInfo

COMPACTED: Final = "compacted/"
"""The tree of compacted records and of the manifests beside them."""

Kind = Literal["records", "_copies", "_sums"]
"""How the name of an object begins: engines leave out what begins with `_`."""

_MANIFEST: Final = re.compile(rf"{COMPACTED}[^.]*/_manifest-(\d{{6,9}})\.json", re.ASCII)
_CONTENT: Final = re.compile(
    rf"{COMPACTED}[^.]*/(?:records|_copies|_sums)-(\d{{6,9}})-\d+-[0-9a-f]+\.[a-z.]+", re.ASCII
)


class Input(msgspec.Struct, frozen=True):
    """A raw object that was taken up: its bytes, and the digest of them."""

    size: int
    digest: str


class Content(msgspec.Struct, frozen=True):
    """An object with compacted records, in the order of vehicle, CAN id and timestamp.

    `size` is in bytes and `digest` is of them. `first_vehicle` and `last_vehicle` are in it. It has so many
    `parts`, which can be read one by one: row groups of Parquet, or frames of zstd.
    """

    key: str
    size: int
    digest: str
    records: int
    first_vehicle: str
    last_vehicle: str
    parts: int = 1


class Manifest(msgspec.Struct, frozen=True):
    """What one revision of a compacted hour consists of.

    `inputs` are all raw objects that were ever taken up, by their keys, whether they are still there or not.
    `objects` have each identity once, as the figures count it. `copies` have the copies that do not count, so
    that the figures of both are those of the inputs. `first` and `last` are the bounds of the timestamps.
    `identities` is a digest of the identities, and `payloads` one of all records and copies. `sums` is what
    they add up to; earlier versions had none.
    """

    revision: int
    starts: str
    made: str
    inputs: Mapping[str, Input]
    objects: Sequence[Content]
    copies: Sequence[Content]
    records: int
    unique: int
    first: str
    last: str
    identities: str
    payloads: str
    sums: Summed | None = None

    @property
    def contents(self) -> Sequence[Content]:
        """Return all objects with records or copies."""
        return [*self.objects, *self.copies]

    @property
    def beside(self) -> Sequence[Content | Summed]:
        """Return all objects that lie beside it and count."""
        return [*self.contents, *([self.sums] if self.sums else [])]

    def names(self, info: ObjectInfo) -> bool:
        """Return whether a raw object was taken up as it is; one of another size is another object."""
        taken = self.inputs.get(info.key)
        return taken is not None and taken.size == info.size


def folder(hour: Hour) -> str:
    """Name the folder of an hour, with a slash at its end."""
    return f"{COMPACTED}{hour_path(hour)}/"


def manifest_key(hour: Hour, revision: int) -> str:
    """Name the manifest of a revision."""
    return f"{folder(hour)}_manifest-{revision:06d}.json"


def content_key(hour: Hour, revision: int, kind: Kind, now_ms: int, data: bytes, ending: str) -> str:  # noqa: PLR0913, PLR0917  # all that is in a name
    """Name an object of a revision that is begun at a moment."""
    return f"{folder(hour)}{kind}-{revision:06d}-{now_ms}-{objects.digest(data)}{ending}"


def revision_of(key: str) -> int | None:
    """Read the revision that a manifest's key names, None if it is not the key of a manifest."""
    match = _MANIFEST.fullmatch(key)
    return int(match[1]) if match else None


def is_content(key: str) -> bool:
    """Return whether a key is that of an object that a manifest may name."""
    return _CONTENT.fullmatch(key) is not None


def is_sums(key: str) -> bool:
    """Return whether a key is that of an object with what records add up to."""
    return is_content(key) and "/_sums-" in key


def newest(infos: Iterable[ObjectInfo]) -> ObjectInfo | None:
    """Return the manifest with the highest revision in a listing of an hour's folder, if there is any."""
    found = [(revision, info) for info in infos if (revision := revision_of(info.key)) is not None]
    return max(found)[1] if found else None


def digest(data: bytes) -> str:
    """Name the bytes of an object by 32 hex digits."""
    return blake2b(data, digest_size=16).hexdigest()


def encode(made: Manifest) -> bytes:
    """Write a manifest as JSON, for people too."""
    return msgspec.json.format(msgspec.json.encode(made), indent=1)


def decode(key: str, data: bytes) -> Manifest:
    """Read a manifest. Raise DamagedObjectError if it is none: who passed it over would miss records."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedObjectError(key, str(error)) from error


_decode: Final = msgspec.json.Decoder(Manifest).decode
