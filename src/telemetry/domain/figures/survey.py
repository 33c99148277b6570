"""The comparison of everything: day by day, whatever the store holds is listed once.

It finds what no note told of: what changed while no aggregator ran, what others put there or removed, and
figures that were damaged. A part of it is done at a look, so that the hours around now do not wait for it.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Final

from telemetry.domain.contract import partition
from telemetry.domain.contract.moment import Hour
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures.find import TREES, Finder, Found
from telemetry.domain.figures.roster import DAY
from telemetry.domain.store.storage import Storage
from telemetry.domain.together import Together

_DAYS_A_STEP: Final = 4
_LEVELS: Final = 3  # year, month, day


class Survey:
    """Lists a store by its days."""

    def __init__(self, storage: Storage, finder: Finder, together: Together) -> None:
        self._storage = storage
        self._finder = finder
        self._together = together
        self._left: list[str] = []
        self._there: set[Hour] = set()
        self.unmarked: Sequence[Hour] = []
        """Hours that the last step found to have figures, and no marker."""
        self.silent: frozenset[Hour] = frozenset()
        """Hours that nothing is there of, within a day after hours that the last step found."""

    @property
    def is_done(self) -> bool:
        return not self._left

    async def begin(self) -> Mapping[str, TelemetryError]:
        """Find the days that there are; return the folders that could not be listed."""
        self._there = set()
        folders: Sequence[str] = TREES
        failed: dict[str, TelemetryError] = {}
        for _ in range(_LEVELS):
            below: list[str] = []
            for folder, listed in zip(folders, await self._folders(folders), strict=True):
                if isinstance(listed, TelemetryError):
                    failed[folder] = listed
                else:
                    below += listed
            folders = below
        self._left = sorted({day for folder in folders if _is_day(day := folder.partition("/")[2][:-1])})
        return failed

    async def step(self) -> Mapping[Hour, TelemetryError | None]:
        """Take the newest days that are left; find their hours that are not current, or cannot be listed."""
        days, self._left = self._left[-_DAYS_A_STEP:], self._left[:-_DAYS_A_STEP]
        found: dict[Hour, TelemetryError | None] = {}
        listed = await self._finder.days(days)
        for hour, each in listed.items():
            if isinstance(each, TelemetryError):
                found[hour] = each
            elif not each.is_current:
                found[hour] = None
        self.unmarked = [
            hour for hour, each in listed.items() if isinstance(each, Found) and each.is_unmarked
        ]
        self._there |= listed.keys()
        self.silent = self._silent(listed)
        return found

    def _silent(self, listed: Collection[Hour]) -> frozenset[Hour]:
        """Return the hours of which nothing was found, in the day after each of these.

        Days are taken from the newest on, so that what is there of the hours after them is known.
        """
        after = {Hour(later) for hour in listed for later in range(hour + 1, hour + DAY + 1)}
        return frozenset(after - self._there)

    async def _folders(self, folders: Sequence[str]) -> Sequence[Sequence[str] | TelemetryError]:
        return await self._together([partial(self._storage.folders, folder) for folder in folders])


def _is_day(folders: str) -> bool:
    try:
        partition.parse_path(f"raw/{folders}/hour=00")
    except ValueError:
        return False
    return True
