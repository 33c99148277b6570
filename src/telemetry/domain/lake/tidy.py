"""Use-case: remove what a compacted hour has twice, once nobody needs it any more.

- Objects and manifests that the manifest that counts does not name are removed once they and that manifest
  are older than the grace. Until then a reader may still follow an older manifest, and a compaction that is
  under way has objects that no manifest names yet.
- Raw objects are removed once they are older than their retention and the manifest that names them is older
  than the grace. Before that its objects are read and compared with it once more.

The manifest that counts is never removed, so that a crash at any step leaves every record to be found.
"""

from collections.abc import Sequence

import msgspec

from telemetry.domain.clock import Clock
from telemetry.domain.contract.moment import Hour, hour_path
from telemetry.domain.lake import manifest, verify
from telemetry.domain.lake.follow import current
from telemetry.domain.lake.manifest import Manifest
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.store.storage import ObjectInfo


class Retention(msgspec.Struct, frozen=True):
    """How long raw objects stay that were taken up, None for ever, and how long what was replaced stays."""

    raw_ms: int | None = 7 * 24 * 3_600_000
    grace_ms: int = 3_600_000


class Tidied(msgspec.Struct, frozen=True):
    """How many raw objects were removed, of how many bytes, and how many objects that were replaced."""

    raw: int = 0
    raw_bytes: int = 0
    replaced: int = 0


class Tidier:
    """Tidies hours."""

    def __init__(self, shelf: Shelf, clock: Clock, retention: Retention) -> None:
        self._shelf = shelf
        self._storage = shelf.storage
        self._clock = clock
        self._retention = retention

    async def tidy(self, hour: Hour) -> Tidied:
        """Remove what nobody needs. Raise NotTheSameError or DamagedObjectError, and then remove nothing."""
        raw = await self._storage.list(f"raw/{hour_path(hour)}/")
        found, beside = await current(self._storage, hour)
        newest = manifest.newest(beside)
        if newest and not self._is_older(newest, self._retention.grace_ms):
            return Tidied()
        removable = await self._removable(hour, raw, found)
        replaced = [info for info in beside if self._is_replaced(info, found, newest)]
        for info in [*removable, *replaced]:
            await self._storage.delete(info.key)
        return Tidied(len(removable), sum(info.size for info in removable), len(replaced))

    async def _removable(
        self, hour: Hour, raw: Sequence[ObjectInfo], found: Manifest | None
    ) -> list[ObjectInfo]:
        """Return the raw objects that may go; their records were found in the objects of the manifest."""
        kept_ms = self._retention.raw_ms
        if found is None or kept_ms is None:
            return []
        removable = [info for info in raw if found.names(info) and self._is_older(info, kept_ms)]
        if removable:
            await verify.check(self._shelf, hour, found)
        return removable

    def _is_replaced(self, info: ObjectInfo, found: Manifest | None, newest: ObjectInfo | None) -> bool:
        if newest == info or not self._is_older(info, self._retention.grace_ms):
            return False
        if found and any(info.key == each.key for each in found.beside):
            return False
        return manifest.revision_of(info.key) is not None or manifest.is_content(info.key)

    def _is_older(self, info: ObjectInfo, age_ms: int) -> bool:
        return info.stored_ms + age_ms <= self._clock.wall_ms()
