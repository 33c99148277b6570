"""Use-case: find the objects that a question is about, by their hours, so that nobody globs for them."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, cast

from telemetry.domain.contract import partition
from telemetry.domain.contract.moment import Hour, Span, hour_path
from telemetry.domain.errors import TelemetryError
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo, Storage
from telemetry.domain.together import Together, one_by_one

TREES: Final = ("raw", "aggregated")
"""The trees that may be asked about."""

_FEW: Final = 7 * 24
"""Hours that are listed one by one; of more, the whole tree is."""


class Catalogue:
    """The objects of one store, by tree and hour."""

    def __init__(self, storage: Storage, together: Together = one_by_one) -> None:
        self._storage = storage
        self._together = together

    async def objects(self, tree: str, span: Span) -> Sequence[ObjectInfo]:
        """List the objects of these hours in one of `TREES`; of figures only themselves.

        Raise StoreUnavailableError.
        """
        found = await self._objects(f"{tree}/", span)
        if tree == "aggregated":
            return [info for hour, info in found if info.key == objects.aggregated_key(hour)]
        return [info for _, info in found]

    async def _objects(self, tree: str, span: Span) -> Sequence[tuple[Hour, ObjectInfo]]:
        calls = [partial(self._storage.list, prefix) for prefix in _prefixes(tree, span)]
        listed: list[ObjectInfo] = []
        for found in await self._together(calls):
            if isinstance(found, TelemetryError):
                raise found
            listed += found
        return [(hour, info) for hour, info in _placed(listed) if hour in span]


def _prefixes(tree: str, span: Span) -> Sequence[str]:
    if span.first is None or span.last is None or span.last - span.first >= _FEW:
        return [tree]
    hours = cast("Sequence[Hour]", range(span.first, span.last + 1))
    return [f"{tree}{hour_path(hour)}/" for hour in hours]


def _placed(infos: Sequence[ObjectInfo]) -> Iterator[tuple[Hour, ObjectInfo]]:
    """Yield objects with their hours; what others put beside the hours is left out."""
    for info in infos:
        with suppress(ValueError):
            yield partition.parse_path(f"raw/{info.key.partition('/')[2]}").hour, info
