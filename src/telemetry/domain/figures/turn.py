"""One fold: what came is added to what is known, or vehicles are folded again from all runs of an hour."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures import copies, groups, meeting
from telemetry.domain.figures.columns import Columns
from telemetry.domain.figures.coverage import Coverage
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
    again: Collection[str]


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
        if not known.is_whole or not before.runs:
            added = _Added(NOTHING.partial, sizes.keys())
        elif self._is_measured:
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
        is_measured = self._is_measured
        return _Result(partial, covered(self._hour, found.records, partial) if is_measured else {})


class _Result(NamedTuple):
    """What the records of some vehicles add up to."""

    partial: Partial
    coverage: Coverage
