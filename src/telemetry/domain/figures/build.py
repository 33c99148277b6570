"""Fold the objects of a listing into the figures of their hour."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

from telemetry.domain.contract.moment import Hour, format_hour, format_timestamp, start_ms
from telemetry.domain.contract.partition import parse_path
from telemetry.domain.errors import OutOfReachError, TelemetryError
from telemetry.domain.figures.columns import Times
from telemetry.domain.figures.engine import Engine, here
from telemetry.domain.figures.fold import Fold, Folded, Task
from telemetry.domain.figures.hour import Aggregated, Built, Listing
from telemetry.domain.figures.moved import GONE, PIECE
from telemetry.domain.figures.partial import Partial
from telemetry.domain.figures.rollup import Figures, figures
from telemetry.domain.store import objects
from telemetry.domain.store.objects import DamagedObjectError, UnreadObjectError
from telemetry.domain.store.storage import ObjectInfo
from telemetry.domain.together import Together, one_by_one

R = TypeVar("R")


class Builder:
    """Makes the figures of hours, each from all of its objects; its buckets together."""

    def __init__(self, fold: Fold, together: Together = one_by_one, engine: Engine = here) -> None:
        self._fold = fold
        self._together = together
        self._engine = engine

    async def build(self, hour: Hour, listing: Listing, *, is_over: bool = True) -> Built:
        """Build the figures of an hour from its raw objects; what is damaged or cannot be read is left out.

        Nothing is stored, and skewed objects are not read. How whole streams are is measured once the hour
        is over. Raise StoreUnavailableError if no object could be read at all.
        """
        folded = await self._folded(await self._tasks(hour, listing.raw, is_over=is_over))
        if _has_one_vehicle_twice(folded):  # the number of buckets was changed within the hour
            folded = await self._folded([Task(hour, listing.raw, is_measured=is_over)])
        errors = {key: error for each in folded for key, error in each.errors.items()}
        for key, error in errors.items():
            if PIECE in key:  # of many objects, so that figures of the rest would be those of less
                raise error
        damage = [objects.unread(key, error) for key, error in sorted(errors.items())]
        objects.check_reach(damage, listing.objects)
        unread = {each.key for each in damage if isinstance(each, UnreadObjectError)}
        aggregated = _aggregated(hour, listing.without(unread), folded, objects.damaged(damage))
        return Built(hour, objects.aggregated_key(hour), aggregated, [*damage, *_faults(folded)])

    async def prepare(self, hour: Hour, listing: Listing, *, is_over: bool = True) -> None:
        """Fold an hour into the cache, so that it is built sooner."""
        tasks = await self._tasks(hour, listing.raw, is_over=is_over)
        await self._together([partial(self._engine, partial(self._fold.prepare, task)) for task in tasks])

    async def times(
        self, hour: Hour, raw: Sequence[ObjectInfo], vehicles: Collection[str]
    ) -> Sequence[Times]:
        """Return when some vehicles have records in raw objects of an hour, by its buckets."""
        tasks = await self._tasks(hour, raw, is_over=False)
        return await self._run([partial(self._fold.times, task, vehicles) for task in tasks])

    async def whole(self, hour: Hour, listing: Listing) -> Listing:
        """Return a listing with the raw objects that were taken up and are gone."""
        moved = await self._fold.moves.of(hour)
        return Listing(moved.whole(listing.raw), listing.skewed) if moved else listing

    async def _tasks(self, hour: Hour, raw: Sequence[ObjectInfo], *, is_over: bool) -> Sequence[Task]:
        """Split what there is to fold; if objects are gone, what took them up is folded as one."""
        if all(info.stored_ms != GONE for info in raw):
            return _by_bucket(hour, raw, is_over=is_over)
        moved = await self._fold.moves.of(hour)
        if moved is None:
            raise OutOfReachError(
                f"{format_hour(hour)}: its manifest was removed meanwhile, and it is built later"
            )
        return [Task(hour, moved.sources(raw), is_measured=is_over, summed=moved.summed)]

    async def _folded(self, tasks: Sequence[Task]) -> Sequence[Folded]:
        return await self._run([partial(self._fold, task) for task in tasks])

    async def _run(self, jobs: Sequence[Callable[[], Awaitable[R]]]) -> Sequence[R]:
        """Run jobs together; raise what one of them raises."""
        found = await self._together([partial(self._engine, job) for job in jobs])
        for each in found:
            if isinstance(each, TelemetryError):
                raise each
        return [each for each in found if not isinstance(each, TelemetryError)]


def _by_bucket(hour: Hour, infos: Sequence[ObjectInfo], *, is_over: bool) -> Sequence[Task]:
    """Split what there is to fold by the buckets of the hour."""
    buckets: defaultdict[str, list[ObjectInfo]] = defaultdict(list)
    for info in infos:
        buckets[_bucket(info.key)].append(info)
    return [Task(hour, raw, name, is_over) for name, raw in sorted(buckets.items())] or [Task(hour, ())]


def _bucket(key: str) -> str:
    """Name the bucket of an object's key."""
    bucket = parse_path(key).bucket
    return "all" if bucket is None else f"bucket-{bucket}"


def _has_one_vehicle_twice(folded: Sequence[Folded]) -> bool:
    counts = Counter(
        vehicle for each in folded for vehicle in {each for each, _ in each.state.partial.streams}
    )
    return any(count > 1 for count in counts.values())


def _faults(folded: Sequence[Folded]) -> Sequence[DamagedObjectError]:
    """Say which lines are damaged."""
    faults = {key: lines for each in folded for key, lines in each.faults.items()}
    return [error for key, lines in sorted(faults.items()) for error in lines.damage(key)]


def _aggregated(hour: Hour, listing: Listing, folded: Sequence[Folded], damaged: int) -> Aggregated:
    found = _figures(hour, folded)
    return Aggregated(
        hour=format_timestamp(start_ms(hour)),
        objects=listing.objects,
        input_digest=listing.digest,
        records=found.records,
        unique=found.unique,
        duplicates=found.duplicates,
        refused=found.refused,
        skewed=0,  # which is counted beside the fold
        vehicles=found.vehicles,
        damaged=damaged,
        conflicting=found.conflicting,
        left_out=found.left_out,
        raw_objects=len(listing.raw),
    )


def _figures(hour: Hour, folded: Sequence[Folded]) -> Figures:
    states = [each.state for each in folded]
    return figures(
        hour,
        states[0].partial if len(states) == 1 else Partial.merge([state.partial for state in states]),
        {vehicle_id: streams for state in states for vehicle_id, streams in state.coverage.items()},
        sum(lines.count for state in states for lines in state.objects.values()),
    )
