"""Figures after a compaction: raw objects that were taken up are not missing, and nothing else changes."""

import random

import msgspec
import pytest

from telemetry.adapters.cache.memory import MemoryCache
from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_path
from telemetry.domain.contract.record import Record
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.figures import hour as stored
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.certify import Certifier
from telemetry.domain.figures.evidence import Inquiry
from telemetry.domain.figures.fold import Fold
from telemetry.domain.figures.hour import Aggregated, Listing
from telemetry.domain.figures.moved import Moved, Moves, NoMoves
from telemetry.domain.figures.turn import FoldLimits
from telemetry.domain.figures.watch import Watch
from telemetry.domain.lake import manifest
from telemetry.domain.lake.compact import Compactor
from telemetry.domain.lake.follow import current
from telemetry.domain.lake.forms import Forms
from telemetry.domain.lake.lines import LinesForm
from telemetry.domain.lake.moves import ManifestMoves
from telemetry.domain.lake.revise import CompactTerms
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.store import objects
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.storage import ObjectInfo, Storage
from telemetry.domain.transport.lease import LeaseTerms
from tests.builders import HOUR, NOW, a_record, put_batch, some_records
from tests.lake import FORMS, GRACE_MS, RETENTION, tidier_of


class Sure(Compactor):
    """Takes every hour for complete."""

    async def _is_complete(self, hour: int) -> bool:
        return True


class World:
    """A store whose hours are compacted, beside one whose hours are not."""

    def __init__(self, forms: Forms = FORMS, records: int = 750_000) -> None:
        self.clock = ManualClock(NOW + 2 * HOUR_MS)
        self.storage, self.naive = MemoryStorage(self.clock), MemoryStorage(self.clock)
        self.cache = MemoryCache()
        self.lake(forms, records)

    def lake(self, forms: Forms, records: int) -> None:
        """Compact the store that there is in this way."""
        shelf = Shelf(self.storage, forms)
        self.moves = ManifestMoves(shelf)
        self.compactor = Sure(shelf, self.clock, terms=CompactTerms(records=records, grace_ms=GRACE_MS))
        self.tidier = tidier_of(self.storage, self.clock, RETENTION)

    async def put(self, *records: Record, now: int = NOW) -> None:
        for storage in (self.storage, self.naive):
            await put_batch(storage, *records, now=now)

    async def compact(self) -> None:
        """Compact the hour, and remove what was taken up."""
        await self.compactor.compact(HOUR)
        self.clock.advance(2 * HOUR_MS / 1000)
        await self.tidier.tidy(HOUR)

    async def lose_sums(self) -> None:
        """Remove what compacted records add up to."""
        for info in await self.storage.list("compacted/"):
            if "/_sums-" in info.key:
                await self.storage.delete(info.key)

    def aggregator(self) -> Aggregator:
        fold = Fold(self.storage, self.cache, limits=FoldLimits(records=20), moves=self.moves)
        return Aggregator(self.storage, builder=Builder(fold))

    async def figures(self) -> Aggregated:
        """Bring both up to date, and compare them to the last byte."""
        await self.aggregator().refresh(HOUR)
        await Aggregator(self.naive).refresh(HOUR)
        ours, theirs = [await each.get(objects.aggregated_key(HOUR)) for each in (self.storage, self.naive)]
        assert ours == theirs
        assert not await self.aggregator().is_stale(HOUR)
        return stored.decode(ours)


async def raw_of(storage: Storage) -> int:
    return len(await storage.list("raw/"))


async def test_raw_objects_that_were_taken_up_are_not_missing():
    world = World()
    await world.put(*some_records(5))
    before = await world.figures()
    await world.compact()
    assert await raw_of(world.storage) == 0
    assert await world.figures() == before
    assert before.inputs_missing == 0


async def test_a_late_record_is_folded_together_with_the_compacted_ones():
    world = World()
    await world.put(*some_records(5))
    await world.figures()
    await world.compact()
    await world.put(a_record(timestamp_ms=NOW + 1), now=NOW + 1)
    assert (await world.figures()).unique == 6
    await world.compact()
    assert await raw_of(world.storage) == 0
    assert (await world.figures()).unique == 6


EARLY = a_record(timestamp_ms=NOW + HOUR_MS, received_ms=NOW)
BELIEVED = a_record(timestamp_ms=EARLY.timestamp_ms, received_ms=EARLY.timestamp_ms)
CLAIMED = Hour(HOUR + 1)


async def with_a_skewed_record() -> World:
    """Make a world whose hour is compacted, and has a skewed record that claims to be of the next hour."""
    world = World()
    await world.put(*some_records(5))
    await world.put(EARLY)
    assert (await world.figures()).skewed == 1
    await world.compact()
    return world


async def test_skewed_records_are_counted_again_though_the_raw_objects_of_their_hour_were_taken_up():
    world = await with_a_skewed_record()
    await world.put(BELIEVED)
    for aggregator in (world.aggregator(), Aggregator(world.naive)):
        assert await aggregator.refresh(CLAIMED)
        found = await aggregator.figures(HOUR)
        assert found
        assert found.skewed == 0
    await world.figures()


async def test_a_skewed_copy_of_a_compacted_record_stays_uncounted_when_its_hour_is_counted_again():
    world = World()
    await world.put(*some_records(5))
    ahead = a_record(timestamp_ms=NOW + 400_000, received_ms=NOW)  # of this hour, and too early
    await world.put(ahead, EARLY)
    await world.put(a_record(timestamp_ms=ahead.timestamp_ms, received_ms=ahead.timestamp_ms))
    assert (await world.figures()).skewed == 1
    await world.compact()
    assert (await world.figures()).skewed == 1  # of figures that know that the raw objects are gone
    await world.put(BELIEVED)
    for aggregator in (world.aggregator(), Aggregator(world.naive)):
        assert await aggregator.refresh(CLAIMED)
    assert (await world.figures()).skewed == 0


@pytest.mark.parametrize("lost", ["the manifest", "the inputs"])
async def test_an_hour_is_built_though_another_that_claims_it_cannot_be_counted_again(lost: str):
    world = await with_a_skewed_record()
    key = manifest.manifest_key(HOUR, 1)
    whole = await world.storage.get(key)
    if lost == "the manifest":
        await world.storage.put(key, b"torn", overwrite=True)
    else:
        for info in await world.storage.list(f"aggregated/{hour_path(HOUR)}/_inputs"):
            await world.storage.delete(info.key)
    await world.put(BELIEVED)
    assert await world.aggregator().refresh(CLAIMED)
    assert await world.aggregator().is_stale(HOUR)  # so that it is built once it can be
    await world.storage.put(key, whole, overwrite=True)
    await Aggregator(world.naive).refresh(CLAIMED)
    assert (await world.figures()).skewed == 0
    await world.put(a_record(timestamp_ms=NOW + 1), now=NOW + 1)
    assert (await world.figures()).unique == 6
    await world.compact()
    assert await raw_of(world.storage) == 1  # that of the other hour


@pytest.mark.parametrize("late", [1, 7])  # records, which are fewer or more than those before
async def test_an_object_that_is_taken_up_and_removed_between_listing_and_reading_is_missed_for_one_look_only(
    monkeypatch: pytest.MonkeyPatch, late: int
):
    world = World()
    await world.put(*some_records(5))
    await world.figures()
    await world.compactor.compact(HOUR)
    (taken,) = await world.storage.list("raw/")
    await world.put(*some_records(late, NOW + 1), now=NOW + 1)
    world.cache, get = MemoryCache(), world.storage.get

    async def removing(key: str) -> bytes:
        if key == taken.key:
            await world.storage.delete(key)
        return await get(key)

    monkeypatch.setattr(world.storage, "get", removing)
    built = await world.aggregator().refresh(HOUR)
    assert built
    assert built.unread == {taken.key}
    monkeypatch.undo()
    assert (await world.figures()).unique == 5 + late


async def test_figures_that_were_lost_are_built_again_from_compacted_records():
    world = World()
    await world.put(*some_records(5), *some_records(2, vehicle_id="z"))
    before = await world.figures()
    await world.compact()
    for info in await world.storage.list("aggregated/"):
        await world.storage.delete(info.key)
    world.cache = MemoryCache()
    built = await world.aggregator().build(HOUR)
    assert built
    assert built.aggregated == before
    assert await world.figures() == before
    built = await world.aggregator().build(HOUR, force=True)
    assert built
    assert built.aggregated == before


class Counting(MemoryStorage):
    """Notes which objects are read."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.read: list[str] = []

    async def get(self, key: str) -> bytes:
        self.read.append(key.rpartition("/")[2].partition("-")[0])
        return await super().get(key)


async def built_again(world: World, **limits: int) -> tuple[Aggregated, set[str]]:
    """Build the hour with nothing in the cache; return its figures, and what kinds of objects were read."""
    assert isinstance(world.storage, Counting)
    world.storage.read.clear()
    fold = Fold(world.storage, MemoryCache(), limits=FoldLimits(records=20, **limits), moves=world.moves)
    listing = await Builder(fold).whole(HOUR, Listing(await world.storage.list("raw/"), ()))
    built = await Builder(fold).build(HOUR, listing)
    return built.aggregated, set(world.storage.read)


async def a_compacted_world() -> tuple[World, Aggregated]:
    """Make a store with a compacted hour, without raw objects and with copies; return its figures too."""
    world = World()
    world.storage = Counting(world.clock)
    world.lake(FORMS, 750_000)
    records = [*some_records(5), a_record(payload={"x": 1.0, "y": 2.0, "z": 0.1})]
    await world.put(*records, *records[:2])
    figures = await world.figures()
    await world.compact()
    return world, figures


async def test_figures_of_compacted_records_need_none_of_them():
    world, figures = await a_compacted_world()
    built, read = await built_again(world)
    assert (built.vehicles, built.records, built.duplicates) == (
        figures.vehicles,
        figures.records,
        figures.duplicates,
    )
    assert read == {"_manifest", "_sums"}


@pytest.mark.parametrize("loss", ["gone", "damaged", "other version", "other bound"])
async def test_what_records_add_up_to_is_computed_again_if_it_cannot_be_used(loss: str):
    world, figures = await a_compacted_world()
    (sums,) = [info for info in await world.storage.list("compacted/") if "/_sums-" in info.key]
    found, beside = await current(world.storage, HOUR)
    assert found
    assert found.sums
    newest = manifest.newest(beside)
    assert newest
    limits = {}
    if loss == "gone":
        await world.storage.delete(sums.key)
    if loss == "damaged":
        await world.storage.put(sums.key, (await world.storage.get(sums.key))[:-1], overwrite=True)
    if loss == "other version":
        other = msgspec.structs.replace(found.sums, version=found.sums.version + 1)
        made = msgspec.structs.replace(found, sums=other)
        await world.storage.put(newest.key, manifest.encode(made), overwrite=True)
    if loss == "other bound":
        limits["names"] = 2
        figures = await bounded(world, 2)
    built, read = await built_again(world, **limits)
    assert built.vehicles == figures.vehicles
    assert "records" in read


async def bounded(world: World, names: int) -> Aggregated:
    """Build the figures of the store that was never compacted, with so many signals."""
    fold = Fold(world.naive, MemoryCache(), limits=FoldLimits(names=names))
    listing = Listing(await world.naive.list("raw/"), ())
    return (await Builder(fold).build(HOUR, listing)).aggregated


async def test_records_that_come_later_are_added_to_what_the_compacted_ones_add_up_to():
    world, _ = await a_compacted_world()
    await world.put(a_record(vehicle_id="late"), now=NOW + 1)
    world.cache = MemoryCache()
    assert isinstance(world.storage, Counting)
    world.storage.read.clear()
    assert (await world.figures()).vehicles.keys() >= {"late"}
    assert "_sums" in world.storage.read
    world.storage.read.clear()
    await world.put(a_record(vehicle_id="later"), now=NOW + 2)
    assert (await world.figures()).vehicles.keys() >= {"late", "later"}
    assert "_sums" not in world.storage.read  # the cache has more by now


def history(seed: int) -> list[list[Record]]:
    """Draw objects with records of few identities, of which many are copies and some differ."""
    draw = random.Random(seed)
    return [
        [
            a_record(
                vehicle_id=draw.choice("abc"),
                can_id=draw.choice(["0x1", "0x2"]),
                timestamp_ms=NOW + draw.randrange(6),
                received_ms=NOW + draw.randrange(3),
                payload={draw.choice(["battery_soc", "x"]): draw.choice([1.0, 1.5]), "y": draw.random()}
                if draw.random() < 0.2
                else {"battery_soc": 1.0},
            )
            for _ in range(draw.randrange(1, 9))
        ]
        for _ in range(draw.randrange(2, 7))
    ]


@pytest.mark.parametrize("seed", range(60))
async def test_figures_are_those_of_a_store_that_was_never_compacted(seed: int):
    draw = random.Random(-seed)
    world = World(*((FORMS, 3), (Forms(LinesForm()), 750_000), (FORMS, 750_000))[seed % 3])
    for place, records in enumerate(history(seed)):
        await world.put(*records, now=NOW + place)
        if not place or draw.random() < 0.7:  # an hour has figures before it is compacted
            await world.figures()
        if draw.random() < 0.5:
            await world.compact()
        if draw.random() < 0.3:
            world.cache = MemoryCache()
        if draw.random() < 0.2:
            await world.lose_sums()
    await world.compact()
    await world.figures()


async def test_what_was_lost_and_not_taken_up_is_still_missing():
    world = World()
    await world.put(*some_records(5))
    await world.figures()
    await world.compact()
    await world.put(a_record(timestamp_ms=NOW + 1), now=NOW + 1)
    await world.figures()
    (late,) = await world.storage.list("raw/")
    await world.storage.delete(late.key)
    built = await world.aggregator().refresh(HOUR)
    assert built
    assert built.kept
    assert (built.aggregated.inputs_missing, built.kept.missing) == (1, late.key)


async def test_compacted_records_that_cannot_be_read_make_no_figures_of_less():
    world = World()
    await world.put(*some_records(5))
    before = await world.figures()
    await world.compact()
    (records,) = [info for info in await world.storage.list("compacted/") if "/records-" in info.key]
    await world.storage.put(records.key, b"torn", overwrite=True)
    await world.put(a_record(timestamp_ms=NOW + 1), now=NOW + 1)
    world.cache = MemoryCache()
    with pytest.raises(DamagedObjectError, match="records-"):
        await world.aggregator().refresh(HOUR)
    assert await world.aggregator().figures(HOUR) == before


async def test_a_manifest_that_is_gone_when_it_is_read_again_is_no_reason_for_figures_of_less():
    world = World()
    await world.put(*some_records(5))
    await world.figures()
    await world.compact()
    await world.put(a_record(timestamp_ms=NOW + 1), now=NOW + 1)
    of = world.moves.of

    class Once(ManifestMoves):
        calls = 0

        async def of(self, hour):
            self.calls += 1
            return await of(hour) if self.calls == 1 else None

    world.moves = Once(Shelf(world.storage, FORMS))
    with pytest.raises(OutOfReachError, match="2025-10-19T14"):
        await world.aggregator().refresh(HOUR)


async def test_without_manifests_nothing_was_taken_up():
    moves: Moves = NoMoves()
    assert await moves.of(HOUR) is None
    with pytest.raises(DamagedObjectError):
        moves.read("key", b"", HOUR)


def test_a_raw_object_of_another_size_than_was_taken_up_is_read_beside():
    moved = Moved({"raw/a": 1, "raw/b": 2}, [ObjectInfo("compacted/x#0", 9, 0)])
    there = [ObjectInfo("raw/a", 5, 7), ObjectInfo("raw/c", 1, 7)]
    assert [info.key for info in moved.whole(there)] == ["raw/a", "raw/b", "raw/c"]
    assert [info.key for info in moved.sources(there)] == ["compacted/x#0", "raw/a", "raw/c"]


async def test_figures_that_were_lost_after_a_compaction_are_built_again_by_an_aggregator_that_starts():
    world = World()
    await world.put(*some_records(5))
    before = NOW - HOUR_MS
    await world.put(a_record(timestamp_ms=before, received_ms=before))
    figures = await world.figures()
    await world.compact()
    assert await raw_of(world.storage) == 1
    for info in await world.storage.list(f"aggregated/{hour_path(HOUR)}/"):
        await world.storage.delete(info.key)
    inquiry = Inquiry(world.storage, MemoryQueue(world.clock, LeaseTerms()))
    certifier = Certifier(world.storage, world.clock, inquiry)
    fold = Fold(world.storage, world.cache, moves=world.moves)
    aggregator = Aggregator(world.storage, certifier=certifier, builder=Builder(fold))
    watch = Watch(world.storage)
    for _ in range(3):
        await aggregator.look()
        look = await watch.look(world.clock.wall_ms())
        for found in look.due:
            await aggregator.settle(found)
            watch.settled(found.hour)
        for hour in aggregator.certifiable(look.unmarked, look.silent):
            await aggregator.certify(hour)
    again = await aggregator.figures(HOUR)
    assert again
    assert again.certificate
    assert again.certificate.state == "complete"
    assert (again.records, again.unique, set(again.vehicles)) == (5, 5, set(figures.vehicles))
