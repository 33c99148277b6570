"""Use-case: remove the records of old hours for good; their figures stay.

On S3 the lifecycle of the bucket can do the same. Raw objects go first, then manifests, the older ones first,
then what these named. So wherever this is killed, no manifest names what is gone, and the next run removes
the rest.
"""

import msgspec

from telemetry.domain.contract.moment import HOUR_MS, Hour, Span, hour_of, hour_path
from telemetry.domain.lake import census, manifest
from telemetry.domain.store.storage import ObjectInfo, Storage


class Expired(msgspec.Struct, frozen=True):
    """How many objects of an hour are too old, and their bytes."""

    hour: Hour
    objects: int
    size: int


class Expiry:
    """Removes the records of hours that ended longer ago than `age_ms`."""

    def __init__(self, storage: Storage, age_ms: int) -> None:
        self._storage = storage
        self._age_ms = age_ms

    async def expire(self, now_ms: int, *, is_trial: bool) -> list[Expired]:
        """Remove what is too old, or only say what that is; return the hours."""
        last = Hour(hour_of(now_ms - self._age_ms - HOUR_MS))
        found = []
        for hour in await census.hours(self._storage, census.ALL, Span(None, last)):
            infos = await self._listed(hour)
            found.append(Expired(hour, len(infos), sum(info.size for info in infos)))
            for info in [] if is_trial else infos:
                await self._storage.delete(info.key)
        return found

    async def _listed(self, hour: Hour) -> list[ObjectInfo]:
        listed = [await self._storage.list(f"{tree}{hour_path(hour)}/") for tree in census.ALL]
        infos = [info for each in listed for info in each]
        return sorted(infos, key=_order)


def _order(info: ObjectInfo) -> tuple[int, int]:
    if not info.key.startswith(manifest.COMPACTED):
        return 0, 0
    revision = manifest.revision_of(info.key)
    return (2, 0) if revision is None else (1, revision)
