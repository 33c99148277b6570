"""Find the hours of which a store has objects, day by day, so that no listing is of everything."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import Final

from telemetry.domain.contract import partition
from telemetry.domain.contract.moment import Hour, Span
from telemetry.domain.lake.manifest import COMPACTED
from telemetry.domain.store.storage import Storage

RAW: Final = ("raw/",)
RECORDS: Final = ("raw/", COMPACTED)
ALL: Final = (*RECORDS, "skewed/")

_LEVELS: Final = 3  # year, month, day
_HOURS_A_DAY: Final = 24


async def hours(storage: Storage, trees: Collection[str], span: Span) -> Sequence[Hour]:
    """Return the hours of a span that have objects in these trees, the oldest first."""
    found: set[Hour] = set()
    for tree in trees:
        for day in await _days(storage, tree):
            if any(hour in span for hour in _hours_of(tree, day)):
                found |= {hour for info in await storage.list(day) for hour in _hour(tree, info.key)}
    return sorted(hour for hour in found if hour in span)


async def _days(storage: Storage, tree: str) -> Sequence[str]:
    folders: Sequence[str] = [tree]
    for _ in range(_LEVELS):
        folders = [below for folder in folders for below in await storage.folders(folder)]
    return folders


def _hours_of(tree: str, day: str) -> Iterator[Hour]:
    for first in _hour(tree, f"{day}hour=00/"):
        yield from (Hour(first + each) for each in range(_HOURS_A_DAY))


def _hour(tree: str, key: str) -> Iterator[Hour]:
    """Yield the hour that a key of a tree lies in; nothing if it is what others put there."""
    with suppress(ValueError):
        yield partition.parse_path(f"raw/{key.removeprefix(tree)}").hour
