"""Use-case: fold the objects of an hour, or of one bucket of it, into what their records add up to.

An object is read once: its columns are kept in the cache. What an hour adds up to is kept there as well. So
when objects come, only the vehicles that they have records of are folded again, from all columns.

Vehicles are folded in groups, one after another, so that only so many records are held in memory at a time.
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from telemetry.domain.contract.moment import Hour
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures import copies, packed
from telemetry.domain.figures.cache import Cache
from telemetry.domain.figures.columns import Columns
from telemetry.domain.figures.coverage import Coverage
from telemetry.domain.figures.packed import DamagedError, State
from telemetry.domain.figures.partial import MAX_NAMES, Partial
from telemetry.domain.figures.rollup import covered
from telemetry.domain.figures.sources import Source, Sources
from telemetry.domain.store.objects import LineFaults
from telemetry.domain.store.storage import ObjectInfo, Storage
from telemetry.domain.together import Together, one_by_one


class FoldLimits(msgspec.Struct, frozen=True):
    """How many records are held in memory at once, and how many signals of a stream have figures."""

    records: int = 750_000
    names: int = MAX_NAMES


class Task(msgspec.Struct, frozen=True):
    """What to fold: objects of an hour, and what they are of it, which is part of a name in the cache."""

    hour: Hour
    raw: Sequence[ObjectInfo]
    place: str = "all"


class Folded(msgspec.Struct, frozen=True):
    """What objects add up to; by key, which of their lines are damaged, and why some of them are left out."""

    state: State
    faults: Mapping[str, LineFaults]
    errors: Mapping[str, TelemetryError]


_NOTHING: Final = State({}, Partial.nothing(), {})
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
        sources = Sources(self._storage, self._cache, self._together, task.hour)
        name = f"{task.hour}/state-{packed.VERSION}-{self._limits.names}-{task.place}"
        before = await self._state(name)
        try:
            folded = await _Turn(sources, task, self._limits).fold(before)
        except _LostError:
            folded = await _Turn(sources, task, self._limits).fold(_NOTHING)
        if folded.state is not before:
            await self._cache.put(name, packed.pack_state(folded.state))
        return folded

    async def _state(self, name: str) -> State:
        data = await self._cache.get(name)
        try:
            return _NOTHING if data is None else packed.unpack_state(data)
        except DamagedError:
            return _NOTHING


class _LostError(Exception):
    """An object that is in a state cannot be read any more, so that the state is of no use."""


class _Turn:
    """One fold. Raise _LostError if an object that was folded before is needed again, and cannot be read."""

    def __init__(self, sources: Sources, task: Task, limits: FoldLimits) -> None:
        self._sources = sources
        self._task = task
        self._limits = limits
        self._errors: dict[str, TelemetryError] = {}

    async def fold(self, before: State) -> Folded:
        """Fold what `before` does not have, or all if `before` has what is not there any more."""
        sources = {source.name: source for source in map(self._sources.of, self._task.raw)}
        if not before.objects.keys() <= sources.keys():
            before = _NOTHING
        gathered = _Gathered(self._limits.records)
        came = await self._gather_new(
            [sources[name] for name in sources.keys() - before.objects.keys()], gathered
        )
        if not came:
            return self._folded(before, sources)
        vehicles = frozenset(gathered.records)
        if vehicles:
            await self._gather_again([sources[name] for name in before.objects], vehicles, gathered)
        objects = {**before.objects, **came}
        results = [each async for each in self._results([sources[name] for name in objects], gathered)]
        kept = {each: streams for each, streams in before.coverage.items() if each not in vehicles}
        state = State(
            objects,
            Partial.merge(
                [before.partial.without(vehicles), *(each.partial for each in results)], self._limits.names
            ),
            kept | {vehicle: streams for each in results for vehicle, streams in each.coverage.items()},
        )
        return self._folded(state, sources)

    def _folded(self, state: State, sources: Mapping[str, Source]) -> Folded:
        faults = {sources[name].info.key: lines for name, lines in state.objects.items() if lines.count}
        return Folded(state, faults, self._errors)

    async def _gather_new(self, sources: Sequence[Source], gathered: "_Gathered") -> Mapping[str, LineFaults]:
        """Read objects for the first time; return what is wrong with their lines."""
        faults = {}
        async for source, part in self._sources.parts(sources):
            if isinstance(part, TelemetryError):
                self._errors[source.info.key] = part
            else:
                faults[source.name] = part.faults
                gathered.add(part.columns)
        return faults

    async def _gather_again(
        self, sources: Sequence[Source], vehicles: Collection[str], gathered: "_Gathered"
    ) -> None:
        """Find the records that some vehicles have in objects that were read before."""
        async for _, part in self._sources.parts(sources):
            if isinstance(part, TelemetryError):
                raise _LostError from part
            gathered.add(part.columns.of_vehicles(vehicles))

    async def _results(self, sources: Sequence[Source], gathered: "_Gathered") -> AsyncIterator["_Result"]:
        """Yield what the records of all gathered vehicles add up to, for one group after another."""
        if gathered.parts is not None:
            yield self._result(gathered.parts)
            return
        for vehicles in gathered.groups():
            again = _Gathered(gathered.size)
            await self._gather_again(sources, vehicles, again)
            yield self._result(again.parts or [])

    def _result(self, parts: list[Columns]) -> "_Result":
        columns = Columns.concatenate(parts)
        parts.clear()  # to have them twice is enough
        found = copies.unique(columns.sort())
        partial = Partial.of(found, self._limits.names)
        return _Result(partial, covered(self._task.hour, found.records, partial))


class _Result(NamedTuple):
    """What the records of some vehicles add up to."""

    partial: Partial
    coverage: Coverage


class _Gathered:
    """Columns that are held as long as they have few records."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = 0
        self.parts: list[Columns] | None = []
        self.records: Counter[str] = Counter()
        """How many records each vehicle has."""

    def add(self, columns: Columns) -> None:
        counts = np.bincount(columns.stream, minlength=len(columns.streams)).tolist()
        for (vehicle_id, _), count in zip(columns.streams, counts, strict=True):
            self.records[vehicle_id] += count
        self.size += columns.size
        if self.size > self._most:
            self.parts = None
        if self.parts is not None:
            self.parts.append(columns)

    def groups(self) -> Iterator[Collection[str]]:
        """Split vehicles into groups that have few records, if one alone has not too many."""
        group: set[str] = set()
        size = 0
        for vehicle_id, count in sorted(self.records.items()):
            if group and size + count > self._most:
                yield group
                group, size = set(), 0
            group.add(vehicle_id)
            size += count
        yield group
