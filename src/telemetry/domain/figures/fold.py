"""Use-case: fold the objects of an hour, or of one bucket of it, into what their records add up to.

An object is read once, into a run, which is kept in the cache (`runs`). What an hour adds up to is kept there
as well (`state`), and is a part of what it adds up to when more objects come: their records are added to it
(`meeting`). So the cost is that of what came.

That is not so where streams are measured, which needs all records of a vehicle, nor where another copy of a
record counts than before, nor where an object is gone. Then vehicles are folded again from all runs, in
groups, so that only so many records are held in memory at a time (`groups`).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from telemetry.domain.contract.moment import Hour, start_ms
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures import copies, groups, meeting, packed, state
from telemetry.domain.figures.cache import Cache
from telemetry.domain.figures.columns import Columns, Times
from telemetry.domain.figures.coverage import Coverage
from telemetry.domain.figures.packed import DamagedError
from telemetry.domain.figures.partial import MAX_NAMES, Partial
from telemetry.domain.figures.rollup import covered
from telemetry.domain.figures.runs import LostError, Runs
from telemetry.domain.figures.sources import Source, Sources, source_of
from telemetry.domain.figures.state import NOTHING, RunInfo, State
from telemetry.domain.store.objects import LineFaults
from telemetry.domain.store.storage import ObjectInfo, Storage
from telemetry.domain.together import Together, one_by_one


class FoldLimits(msgspec.Struct, frozen=True):
    """How many records are held in memory at once, and how many signals of a stream have figures."""

    records: int = 500_000
    names: int = MAX_NAMES


class Task(msgspec.Struct, frozen=True):
    """What to fold: objects of an hour, and what they are of it, which is part of a name in the cache.

    `is_measured` says whether it is measured how whole their streams are.
    """

    hour: Hour
    raw: Sequence[ObjectInfo]
    place: str = "all"
    is_measured: bool = True


class Folded(msgspec.Struct, frozen=True):
    """What objects add up to; by key, which of their lines are damaged, and why some of them are left out."""

    state: State
    faults: Mapping[str, LineFaults]
    errors: Mapping[str, TelemetryError]


_DEFAULT: Final = FoldLimits()


class Fold:
    """Folds objects."""

    def __init__(
        self, storage: Storage, cache: Cache, together: Together = one_by_one, limits: FoldLimits = _DEFAULT
    ) -> None:
        self._storage = storage
        self._cache = cache
        self._together = together
        self._limits = limits

    async def __call__(self, task: Task) -> Folded:
        """Fold objects. What is damaged or cannot be read is left out."""
        name = f"{task.hour}/state-{packed.VERSION}-{self._limits.names}-{task.place}"
        before = await self._state(name)
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
        after = await _Turn(runs, task, self._limits).fold(_Known.of(before, listed), made)
        faults = {listed[name].info.key: lines for name, lines in after.objects.items() if lines.count}
        return Folded(after, faults, runs.errors)

    def _runs(self, task: Task, listed: Mapping[str, Source]) -> Runs:
        sources = Sources(self._storage, self._together, task.hour)
        return Runs(sources, listed, self._cache, task.hour, self._limits.records)


class _Known(NamedTuple):
    """What was folded before of the objects that are still there; `is_whole` says that these are all."""

    state: State
    is_whole: bool

    @classmethod
    def of(cls, before: State, listed: Collection[str]) -> "_Known":
        """Leave out what is gone."""
        if all(name in listed for name in before.objects):
            return cls(before, is_whole=True)
        kept = [
            msgspec.structs.replace(
                run, objects={name: run.objects[name] for name in run.objects if name in listed}
            )
            for run in before.runs
        ]
        return cls(State([run for run in kept if run.objects], NOTHING.partial, {}), is_whole=False)


class _Added(NamedTuple):
    """What records that came add up to by themselves, and the vehicles that have to be folded again."""

    partial: Partial
    again: Collection[str]


class _Turn:
    """One fold. Raise LostError if an object that was folded before is needed again, and cannot be read."""

    def __init__(self, runs: Runs, task: Task, limits: FoldLimits) -> None:
        self._runs = runs
        self._task = task
        self._limits = limits

    async def fold(self, known: _Known, made: Sequence[RunInfo]) -> State:
        """Add new runs to what is known."""
        before = known.state
        came = await self._runs.sizes(made)
        sizes = came + (
            groups.sizes(before.partial) if known.is_whole else await self._runs.sizes(before.runs)
        )
        if not known.is_whole or not before.runs:
            added = _Added(NOTHING.partial, sizes.keys())
        elif self._task.is_measured:
            added = _Added(NOTHING.partial, came.keys() | groups.unmeasured(before))
        else:
            added = await self._added(before, made, came)
        if known.is_whole and not made and not added.again:
            return before
        runs = [*before.runs, *made]
        results = [
            await self._result(runs, vehicles)
            for vehicles in groups.split({each: sizes[each] for each in added.again}, self._limits.records)
        ]
        kept = before.partial.without(added.again)
        coverage = {each: streams for each, streams in before.coverage.items() if each not in came}
        return State(
            runs,
            Partial.merge([kept, added.partial, *(each.partial for each in results)], self._limits.names),
            coverage | {vehicle: streams for each in results for vehicle, streams in each.coverage.items()},
        )

    async def _added(self, before: State, made: Sequence[RunInfo], came: Collection[str]) -> _Added:
        """Add up what came, unless it meets too much of what is there."""
        everything = _Added(NOTHING.partial, came)
        if not self._runs.are_held:
            return everything
        records = Columns.concatenate(await self._runs.columns(made, came)).sort()
        is_suspect = meeting.suspects(before.partial, records)
        if not is_suspect.any():
            return _Added(self._partial(records), ())
        offsets = records.offset[is_suspect]
        near = [run for run in before.runs if run.first <= offsets.max() and offsets.min() <= run.last]
        if sum(run.records for run in near) > self._limits.records:
            return everything
        vehicles = {records.streams[stream][0] for stream in set(records.stream[is_suspect].tolist())}
        there = Columns.concatenate(await self._runs.columns(near, vehicles))
        met = meeting.meet(records, is_suspect, there)
        partial = Partial.merge([self._partial(met.rest), met.copies], self._limits.names)
        return _Added(partial.without(met.again), met.again)

    def _partial(self, records: Columns) -> Partial:
        return Partial.of(copies.unique(records), self._limits.names)

    async def _result(self, runs: Sequence[RunInfo], vehicles: Collection[str]) -> "_Result":
        """Fold some vehicles from all of their records."""
        parts = await self._runs.columns(runs, vehicles)
        columns = Columns.concatenate(parts)
        parts.clear()  # to have them twice is enough
        found = copies.unique(columns.sort())
        partial = Partial.of(found, self._limits.names)
        is_measured = self._task.is_measured
        return _Result(partial, covered(self._task.hour, found.records, partial) if is_measured else {})


class _Result(NamedTuple):
    """What the records of some vehicles add up to."""

    partial: Partial
    coverage: Coverage
