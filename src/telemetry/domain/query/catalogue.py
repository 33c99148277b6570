"""Use-case: find the objects that a question is about, by their hours, so that nobody globs for them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple, TypeVar, cast

from telemetry.domain.contract import partition
from telemetry.domain.contract.moment import Hour, Span, hour_path
from telemetry.domain.errors import TelemetryError
from telemetry.domain.lake import manifest
from telemetry.domain.lake.follow import ATTEMPTS, has_lost
from telemetry.domain.lake.manifest import Manifest
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo, Storage
from telemetry.domain.together import Together, one_by_one

TREES: Final = ("raw", "compacted", "aggregated")
"""The trees that may be asked about."""

_FEW: Final = 7 * 24
"""Hours that are listed one by one; of more, the whole tree is."""

T = TypeVar("T")

ByHour = Mapping[Hour, Sequence[ObjectInfo]]


class Stored(NamedTuple):
    """The objects that hold the records of hours.

    `raw` are those that no manifest has taken up. `whole` are compacted objects of hours without such ones,
    so that nothing in them has a copy. `mixed` are those of hours where a copy may be in a raw object.
    """

    raw: Sequence[ObjectInfo]
    whole: Sequence[ObjectInfo]
    mixed: Sequence[ObjectInfo]


class Catalogue:
    """The objects of one store, by tree and hour."""

    def __init__(self, storage: Storage, together: Together = one_by_one) -> None:
        self._storage = storage
        self._together = together

    async def records(self, span: Span) -> Stored:
        """Find the objects with the records of these hours, by the rules in `lake.manifest`.

        Raise StoreUnavailableError, DamagedObjectError if a manifest is none, or ObjectNotFoundError if it
        was replaced meanwhile: then look again.
        """
        raw = await self._listed("raw", span)  # first, since what it lacks is in the manifests by then
        for _ in range(ATTEMPTS):
            manifests = await self._manifests(span)
            again = await self._listed("raw", span)  # to which records go back where a manifest is removed
            found = {hour: (raw if hour in manifests else again).get(hour, ()) for hour in {*raw, *again}}
            if not any(has_lost(raw.get(hour, ()), infos) for hour, infos in found.items()):
                break
            raw = again
        return _stored(found, manifests)

    async def _manifests(self, span: Span) -> Mapping[Hour, Manifest]:
        compacted = await self._listed("compacted", span)
        newest = {hour: each for hour, infos in compacted.items() if (each := manifest.newest(infos))}
        read = await self._together([partial(self._manifest, info) for info in newest.values()])
        return dict(zip(newest, _checked(read), strict=True))

    async def figures(self, span: Span) -> Sequence[ObjectInfo]:
        """Find the figures of these hours. Raise StoreUnavailableError."""
        found = await self._listed("aggregated", span)
        return [
            info
            for hour, infos in found.items()
            for info in infos
            if info.key == objects.aggregated_key(hour)
        ]

    async def _manifest(self, info: ObjectInfo) -> Manifest:
        return manifest.decode(info.key, await self._storage.get(info.key))

    async def _listed(self, tree: str, span: Span) -> ByHour:
        calls = [partial(self._storage.list, prefix) for prefix in _prefixes(tree, span)]
        by_hour: defaultdict[Hour, list[ObjectInfo]] = defaultdict(list)
        for found in _checked(await self._together(calls)):
            for hour, info in _placed(found):
                if hour in span:
                    by_hour[hour].append(info)
        return by_hour


def _checked(results: Sequence[T | TelemetryError]) -> Sequence[T]:
    """Raise the first error, if there is one."""
    found = []
    for each in results:
        if isinstance(each, TelemetryError):
            raise each
        found.append(each)
    return found


def _stored(raw: ByHour, manifests: Mapping[Hour, Manifest]) -> Stored:
    left: list[ObjectInfo] = []
    whole: list[ObjectInfo] = []
    mixed: list[ObjectInfo] = []
    for hour in sorted({*raw, *manifests}):
        found = manifests.get(hour)
        untaken = [info for info in raw.get(hour, ()) if not (found and found.names(info))]
        contents = found.objects if found else ()
        left += untaken
        (mixed if untaken else whole).extend(ObjectInfo(each.key, each.size, 0) for each in contents)
    return Stored(left, whole, mixed)


def _prefixes(tree: str, span: Span) -> Sequence[str]:
    if span.first is None or span.last is None or span.last - span.first >= _FEW:
        return [f"{tree}/"]
    hours = cast("Sequence[Hour]", range(span.first, span.last + 1))
    return [f"{tree}/{hour_path(hour)}/" for hour in hours]


def _placed(infos: Sequence[ObjectInfo]) -> Iterator[tuple[Hour, ObjectInfo]]:
    """Yield objects with their hours; what others put beside the hours is left out."""
    for info in infos:
        with suppress(ValueError):
            yield partition.parse_path(f"raw/{info.key.partition('/')[2]}").hour, info
