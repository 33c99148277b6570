"""Use-case: find which objects a reader of an hour reads, by the rules in `manifest`."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from telemetry.domain.contract.moment import Hour, hour_path
from telemetry.domain.lake import manifest
from telemetry.domain.lake.manifest import Content, Manifest
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError, Storage

ATTEMPTS: Final = 10
"""How often to begin again: a compaction needs one more, an erasure that is under way some."""


class Reading(msgspec.Struct, frozen=True):
    """What to read of an hour: the objects of its manifest, if there is one, and `raw` objects beside them.

    `beside` is the listing of the folder of the manifest.
    """

    manifest: Manifest | None
    raw: Sequence[ObjectInfo]
    beside: Sequence[ObjectInfo]

    @property
    def contents(self) -> Sequence[Content]:
        """Return the objects with compacted records, each identity once."""
        return self.manifest.objects if self.manifest else ()


async def follow(storage: Storage, hour: Hour) -> Reading:
    """Find what to read of an hour. Raise DamagedObjectError if its manifest is none."""
    folder = f"raw/{hour_path(hour)}/"
    raw = await storage.list(folder)
    for _ in range(ATTEMPTS):
        found, beside = await current(storage, hour)
        if found:
            return Reading(found, [info for info in raw if not found.names(info)], beside)
        before, raw = raw, await storage.list(folder)  # to which records went back, if there was a manifest
        if not has_lost(before, raw):
            break
    return Reading(None, raw, beside)


def has_lost(before: Sequence[ObjectInfo], after: Sequence[ObjectInfo]) -> bool:
    """Return whether a later listing lacks an object, in whose place another was put meanwhile."""
    return not {info.key for info in before} <= {info.key for info in after}


async def current(storage: Storage, hour: Hour) -> tuple[Manifest | None, Sequence[ObjectInfo]]:
    """Return the manifest of an hour that counts, and the listing that shows it.

    Who has to know which raw objects are read beside it lists them before.
    """
    for _ in range(ATTEMPTS):
        with suppress(ObjectNotFoundError):  # a newer one is there meanwhile
            return await _current(storage, hour)
    return await _current(storage, hour)


async def _current(storage: Storage, hour: Hour) -> tuple[Manifest | None, Sequence[ObjectInfo]]:
    beside = await storage.list(manifest.folder(hour))
    newest = manifest.newest(beside)
    if newest is None:
        return None, beside
    return manifest.decode(newest.key, await storage.get(newest.key)), beside
