"""Use-case: fold the objects of an hour, or of one bucket of it, into what their records add up to.

An object is read once, into a run, which is kept in the cache (`runs`). What an hour adds up to is kept there
as well (`state`), and is a part of what it adds up to when more objects come: their records are added to it
(`meeting`). So the cost is that of what came.

That is not so where streams are measured, which needs all records of a vehicle, nor where another copy of a
record counts than before, nor where an object is gone. Then vehicles are folded again from all runs, in
groups, so that only so many records are held in memory at a time (`turn`, `groups`).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from telemetry.domain.contract.moment import Hour, start_ms
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures import packed, state, summed
from telemetry.domain.figures.cache import Cache
from telemetry.domain.figures.columns import Columns, Times
from telemetry.domain.figures.moved import Moves, NoMoves, Summed
from telemetry.domain.figures.packed import DamagedError
from telemetry.domain.figures.runs import LostError, Runs
from telemetry.domain.figures.sources import Source, Sources, source_of
from telemetry.domain.figures.state import NOTHING, State
from telemetry.domain.figures.turn import FoldLimits, Known, Turn
from telemetry.domain.store.objects import LineFaults
from telemetry.domain.store.storage import ObjectInfo, Storage
from telemetry.domain.together import Together, one_by_one


class Task(msgspec.Struct, frozen=True):
    """What to fold: objects of an hour, and what they are of it, which is part of a name in the cache.

    `is_measured` says whether it is measured how whole their streams are. `summed` is an object with what
    some of them add up to.
    """

    hour: Hour
    raw: Sequence[ObjectInfo]
    place: str = "all"
    is_measured: bool = True
    summed: Summed | None = None


class Folded(msgspec.Struct, frozen=True):
    """What objects add up to; by key, which of their lines are damaged, and why some of them are left out."""

    state: State
    faults: Mapping[str, LineFaults]
    errors: Mapping[str, TelemetryError]


_DEFAULT: Final = FoldLimits()


class Fold:
    """Folds objects."""

    def __init__(
        self,
        storage: Storage,
        cache: Cache,
        together: Together = one_by_one,
        limits: FoldLimits = _DEFAULT,
        moves: Moves | None = None,
    ) -> None:
        """Without `moves`, no object was taken up into another."""
        self.moves = moves or NoMoves()
        self._storage = storage
        self._cache = cache
        self._together = together
        self._limits = limits

    async def __call__(self, task: Task) -> Folded:
        """Fold objects. What is damaged or cannot be read is left out."""
        name = f"{task.hour}/state-{packed.VERSION}-{self._limits.names}-{task.place}"
        before = await self._before(task, name)
        try:
            folded = await self._fold(task, before)
        except LostError:
            folded = await self._fold(task, NOTHING)
        if folded.state is not before:
            await self._cache.put(name, state.pack(folded.state))
        return folded

    async def prepare(self, task: Task) -> None:
        """Fold objects into the cache."""
        await self(task)

    async def times(self, task: Task, vehicles: Collection[str]) -> Times:
        """Return when some vehicles have records in objects, which are folded before if they are new."""
        folded = await self(task)
        runs = self._runs(task, {source.name: source for source in map(source_of, task.raw)})
        try:
            found = Columns.concatenate(await runs.columns(folded.state.runs, vehicles)).sort()
        except LostError:
            return {}
        used, starts = np.unique(found.stream, return_index=True)
        parts = np.split(found.offset.astype(np.int64) + start_ms(task.hour), starts[1:])
        named = (found.streams[place] for place in used.tolist())
        return {stream: np.unique(part) for stream, part in zip(named, parts, strict=False)}

    async def _before(self, task: Task, name: str) -> State:
        """Return what is known: what the cache has, or what is kept beside pieces if that is more."""
        cached = await self._state(name)
        if task.summed is None or task.summed.names != self._limits.names:
            return cached
        listed = {source_of(info).name for info in task.raw}
        if cached.runs and cached.objects.keys() <= listed:
            return cached
        return await summed.read(self._storage, task.summed) or cached

    async def _state(self, name: str) -> State:
        data = await self._cache.get(name)
        try:
            return NOTHING if data is None else state.unpack(data)
        except DamagedError:
            return NOTHING

    async def _fold(self, task: Task, before: State) -> Folded:
        listed = {source.name: source for source in map(source_of, task.raw)}
        runs = self._runs(task, listed)
        known = before.objects
        made = await runs.make([source for name, source in listed.items() if name not in known])
        turn = Turn(runs, task.hour, self._limits, is_measured=task.is_measured)
        after = await turn.fold(Known.of(before, listed), made)
        faults = {listed[name].info.key: lines for name, lines in after.objects.items() if lines.count}
        return Folded(after, faults, runs.errors)

    def _runs(self, task: Task, listed: Mapping[str, Source]) -> Runs:
        sources = Sources(self._storage, self._together, task.hour, self.moves)
        return Runs(sources, listed, self._cache, task.hour, self._limits.records)
