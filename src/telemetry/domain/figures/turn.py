"""One fold: what came is added to what is known, or vehicles are folded again from all runs of an hour."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import msgspec
import numpy as np

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures import copies, groups, meeting
from telemetry.domain.figures.columns import Columns, Flags
from telemetry.domain.figures.coverage import CURRENT, Coverage
from telemetry.domain.figures.partial import MAX_NAMES, Partial
from telemetry.domain.figures.rollup import covered
from telemetry.domain.figures.runs import Runs
from telemetry.domain.figures.state import NOTHING, RunInfo, State


class FoldLimits(msgspec.Struct, frozen=True):
    """How many records are held in memory at once, and how many signals of a stream have figures."""

    records: int = 500_000
    names: int = MAX_NAMES


class Known(NamedTuple):
    """What was folded before of the objects that are still there; `is_whole` says that these are all."""

    state: State
    is_whole: bool

    @classmethod
    def of(cls, before: State, listed: Collection[str]) -> "Known":
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
    again: AbstractSet[str]


class Turn:
    """One fold. Raise LostError if an object that was folded before is needed again, and cannot be read."""

    def __init__(self, runs: Runs, hour: Hour, limits: FoldLimits, *, is_measured: bool) -> None:
        self._runs = runs
        self._hour = hour
        self._limits = limits
        self._is_measured = is_measured

    async def fold(self, known: Known, made: Sequence[RunInfo]) -> State:
        """Add new runs to what is known."""
        before = known.state
        came = await self._runs.sizes(made)
        sizes = came + (
            groups.sizes(before.partial) if known.is_whole else await self._runs.sizes(before.runs)
        )
        if known.is_whole and before.runs:
            added = await self._added(before, made, came)
        else:
            added = _Added(NOTHING.partial, sizes.keys())
        measured = came.keys() | groups.unmeasured(before) if self._is_measured else set[str]()
        if known.is_whole and not made and not measured:
            return before
        measured -= added.again
        conflicting = measured & (before.partial.conflicts | added.partial.conflicts)
        again = added.again | conflicting if conflicting else added.again
        runs = [*before.runs, *made]
        results = [await self._result(runs, vehicles) for vehicles in self._groups(sizes, again)]
        parts = [before.partial.without(again), added.partial.without(again)]
        partial = self._merged([*parts, *(each.partial for each in results)])
        coverage = {each: streams for each, streams in before.coverage.items() if each not in came}
        for each in results:
            coverage |= each.coverage
        for vehicles in self._groups(sizes, measured - conflicting):
            coverage |= await self._measured(runs, partial, vehicles)
        return State(runs, partial, coverage)

    def _groups(self, sizes: Mapping[str, int], vehicles: Collection[str]) -> Iterator[Collection[str]]:
        return groups.split({each: sizes[each] for each in vehicles}, self._limits.records)

    async def _added(self, before: State, made: Sequence[RunInfo], came: Mapping[str, int]) -> _Added:
        """Add up what came, unless it is too much to be held."""
        if not self._runs.are_held:
            return _Added(NOTHING.partial, came.keys())
        records = Columns.concatenate(await self._runs.columns(made, came)).sort()
        is_suspect = meeting.suspects(before.partial, records)
        if not is_suspect.any():
            return _Added(self._partial(records), frozenset())
        met = meeting.meet(records, is_suspect, await self._there(before.runs, records, is_suspect))
        partial = Partial.merge([self._partial(met.rest), met.copies], self._limits.names)
        return _Added(partial, met.again)

    async def _there(self, runs: Sequence[RunInfo], records: Columns, is_suspect: Flags) -> Columns:
        """Return the records that are there of the identities of suspects, one run in memory at a time."""
        suspects = records.take(np.flatnonzero(is_suspect))
        first, last = suspects.offset.min(), suspects.offset.max()
        vehicles = {suspects.streams[stream][0] for stream in np.unique(suspects.stream).tolist()}
        found = []
        for run in runs:
            if run.first <= last and first <= run.last:
                (there,) = await self._runs.columns([run], vehicles)
                found.append(meeting.alike(suspects, there))
        return Columns.concatenate(found)

    def _merged(self, parts: Sequence[Partial]) -> Partial:
        """Add up parts; often one alone has anything, as when an hour is folded for the first time."""
        filled = [part for part in parts if part.streams] or parts[:1]
        return filled[0] if len(filled) == 1 else Partial.merge(filled, self._limits.names)

    def _partial(self, records: Columns) -> Partial:
        return Partial.of(copies.unique(records), self._limits.names)

    async def _result(self, runs: Sequence[RunInfo], vehicles: Collection[str]) -> "_Result":
        """Fold some vehicles from all of their records."""
        parts = await self._runs.columns(runs, vehicles)
        columns = Columns.concatenate(parts)
        parts.clear()  # to have them twice is enough
        found = copies.unique(columns.sort())
        partial = Partial.of(found, self._limits.names)
        is_measured = self._is_measured
        return _Result(partial, covered(self._hour, found.records, partial) if is_measured else {})

    async def _measured(
        self, runs: Sequence[RunInfo], partial: Partial, vehicles: Collection[str]
    ) -> Coverage:
        """Measure the streams of vehicles whose copies are all alike, from times and current alone."""
        parts = await self._runs.columns(runs, vehicles, (CURRENT,))
        found = copies.unique(Columns.concatenate(parts).sort())
        return covered(self._hour, found.records, partial.of_vehicles(vehicles))


class _Result(NamedTuple):
    """What the records of some vehicles add up to."""

    partial: Partial
    coverage: Coverage
