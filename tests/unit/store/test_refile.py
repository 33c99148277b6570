"""Skewed records are listed by the hour of their receipt, and moved once they are believed: durable first."""

import statistics
from collections.abc import Iterable, Mapping

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour, Span, hour_path
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.store import notes, objects
from telemetry.domain.store.refile import Refiled, SkewedHour, SkewedTree
from telemetry.domain.store.storage import Storage
from tests.builders import HOUR, NOW, POLICY, a_record, identity, put_batch, stored_records
from tests.fakes import FailingStorage
from tests.lake import KilledError, WatchedStorage
from tests.unit.figures.watching import SteppedAggregator

AHEAD_MS = 30 * 24 * HOUR_MS
"""How far the clock of the receiver was ahead."""

LATER_MS = NOW + 40 * 24 * HOUR_MS
"""When it is put right."""

TRUE = [
    a_record(timestamp_ms=NOW - hours * HOUR_MS + number, vehicle_id=f"veh-{hours}", received_ms=NOW + 900)
    for hours in (0, 1)
    for number in range(40)
]
"""The records as a receiver with a true clock would have stamped them."""

WRONG = [msgspec.structs.replace(each, received_ms=each.received_ms + AHEAD_MS) for each in TRUE]
STUCK = a_record(timestamp_ms=0, vehicle_id="veh-3", received_ms=NOW + AHEAD_MS)


@pytest.fixture
async def storage() -> FailingStorage:
    """A store with two skewed objects, received in one hour by a clock that was ahead."""
    made = FailingStorage(ManualClock(NOW))
    await fill(made)
    return made


async def fill(storage: Storage) -> None:
    await put_batch(storage, *WRONG[:30], STUCK)
    await put_batch(storage, *WRONG[30:], now=NOW + 1, suffix="jsonl.zst")


async def refile(
    storage: Storage, offset_ms: int = -AHEAD_MS, policy: PartitionPolicy = POLICY
) -> list[Refiled]:
    return [each async for each in SkewedTree(storage, policy).refile(Span(), offset_ms, LATER_MS)]


async def listed(storage: Storage, first: int | None = None, last: int | None = None) -> list[SkewedHour]:
    span = Span(*(None if each is None else Hour(each) for each in (first, last)))
    return [each async for each in SkewedTree(storage, POLICY).hours(span)]


async def keys(storage: Storage, prefix: str) -> list[str]:
    return [info.key for info in await storage.list(prefix)]


def by_identity(records: Iterable[Record]) -> list[Record]:
    return sorted(records, key=identity)


async def test_skewed_records_are_listed_by_hour_of_receipt_with_their_median_offset(storage):
    await storage.put("skewed/theirs.txt", b"theirs")
    (hour,) = await listed(storage)
    assert (hour.hour, hour.records, hour.vehicles, hour.damage) == (HOUR + 30 * 24, 81, 3, [])
    offsets = [each.timestamp_ms - each.received_ms for each in [*WRONG, STUCK]]
    assert hour.median_offset_s == statistics.median(offsets) / 1000


@pytest.mark.parametrize(
    ("first", "last", "found"), [(None, None, 3), (HOUR, None, 2), (None, HOUR - 1, 1), (HOUR, HOUR, 1)]
)
async def test_only_hours_between_both_ends_are_listed(first, last, found):
    storage = FailingStorage(ManualClock(NOW))
    for hours in (-1, 0, 1):
        await put_batch(storage, a_record(timestamp_ms=0, received_ms=NOW + hours * HOUR_MS))
    assert len(await listed(storage, first, last)) == found


async def test_records_that_are_believed_once_the_receivers_clock_is_put_right_move_to_their_hours(storage):
    before = await keys(storage, "skewed/")
    done = await refile(storage)
    assert [(each.key, each.filed, each.left) for each in done] == [(before[0], 30, 1), (before[1], 50, 0)]
    assert {hour for each in done for hour in each.hours} == {HOUR, HOUR - 1}
    assert by_identity(await stored_records(storage)) == by_identity([*TRUE, STUCK])
    assert [codec.decode_line(line) for line in await lines_of(storage, "skewed/")] == [STUCK]
    assert len(await keys(storage, "raw/")) == 3


async def lines_of(storage: Storage, prefix: str) -> list[bytes]:
    return [
        line
        for key in await keys(storage, prefix)
        for line in objects.decode_object(key, await storage.get(key))
    ]


async def test_what_is_not_believed_now_either_is_not_touched(storage):
    before = await storage.list("")
    assert [(each.filed, each.left) for each in await refile(storage, 0)] == [(0, 31), (0, 50)]
    assert await storage.list("") == before


async def test_records_are_judged_by_the_bounds_of_now(storage):
    wider = PartitionPolicy(past_ms=31 * 24 * HOUR_MS, buckets=2)
    assert sum(each.filed for each in await refile(storage, 0, wider)) == 80
    stored = [codec.decode_line(line) for line in await lines_of(storage, "raw/")]
    assert by_identity(stored) == by_identity(WRONG)
    assert all("/bucket=" in key for key in await keys(storage, "raw/"))


async def test_doing_it_twice_changes_nothing_more(storage):
    await refile(storage)
    before = await storage.list("")
    assert [(each.filed, each.left) for each in await refile(storage)] == [(0, 1)]
    assert await storage.list("") == before


async def seen(storage: Storage) -> tuple[dict[tuple[str, str, int], Mapping[str, float]], int]:
    """Read the records of both trees, and count them as new figures do: each in its hour, or as skewed."""
    found: dict[tuple[str, str, int], Mapping[str, float]] = {
        identity(each): each.payload for each in await stored_records(storage)
    }
    copy = FailingStorage(ManualClock(LATER_MS))  # figures are put beside what is looked at
    for info in await storage.list(""):
        await copy.put(info.key, await storage.get(info.key))
    stepped = SteppedAggregator(copy, ManualClock(LATER_MS))
    figures = [await stepped.figures(hour) for hour in await stepped.take_built()]
    return found, sum(each.unique + each.skewed for each in figures if each)


class Watched:
    """Files records of a store again, which is looked at after each change."""

    def __init__(self, storage: WatchedStorage) -> None:
        self.storage = storage
        storage.look = self.look

    async def look(self) -> None:
        records, counted = await seen(self.storage)
        assert records == {identity(each): each.payload for each in [*TRUE, STUCK]}
        assert counted == len(TRUE) + 1

    async def refile(self, steps: int | None = None) -> None:
        self.storage.left = steps
        await refile(self.storage)


@pytest.fixture
async def watched() -> Watched:
    """The same store, before anything is filed again."""
    storage = WatchedStorage(ManualClock(NOW))
    await fill(storage)
    storage.changes.clear()
    return Watched(storage)


STEPS = 8


@pytest.mark.parametrize("step", range(STEPS))
async def test_a_reader_sees_every_record_once_wherever_it_is_killed_and_doing_it_again_completes_it(
    watched: Watched, step: int
):
    with pytest.raises(KilledError):
        await watched.refile(step)
    await watched.look()
    await watched.refile()
    storage = watched.storage
    assert by_identity(await stored_records(storage)) == by_identity([*TRUE, STUCK])
    assert [codec.decode_line(line) for line in await lines_of(storage, "skewed/")] == [STUCK]
    noted = {hour for key in await keys(storage, notes.NOTES) for hour in notes.hours_of(key)}
    assert noted == {HOUR, HOUR - 1, HOUR + 30 * 24}


async def test_those_are_all_the_steps_and_each_kind_is_among_them(watched: Watched):
    await watched.refile()
    assert watched.storage.changes == {"put raw": 3, "put batch": 1, "put note": 2, "delete batch": 2}
    assert watched.storage.changes.total() == STEPS


async def test_every_raw_object_is_durable_before_the_skewed_one_is_removed(storage):
    seen: list[int] = []
    storage.before_delete = lambda: seen.append(len(storage.putted))
    storage.putted.clear()
    await refile(storage)
    assert seen == [3, 6]


async def test_an_aggregator_builds_the_hours_into_which_records_were_filed_and_those_of_their_receipt(
    storage,
):
    stepped = SteppedAggregator(storage, ManualClock(LATER_MS))
    assert await stepped.take_built() == [HOUR + 30 * 24]
    await refile(storage)
    assert await stepped.take_built() == [HOUR - 1, HOUR, HOUR + 30 * 24]
    found = [await stepped.figures(hour) for hour in (HOUR - 1, HOUR, HOUR + 30 * 24)]
    assert [(each.unique, each.skewed) for each in found if each] == [(40, 0), (40, 0), (0, 1)]


async def test_damage_is_named_and_stays_where_it_is(storage):
    whole, broken = await keys(storage, "skewed/")
    torn = f"{whole.rpartition('/')[0]}/theirs.jsonl"
    await storage.put(torn, await storage.get(whole) + b"torn")
    await storage.delete(whole)
    await storage.put(broken, b"broken", overwrite=True)
    (hour,) = await listed(storage)
    assert [error.key for error in hour.damage] == [broken, torn]
    done = await refile(storage)
    assert [(each.filed, each.left, [error.key for error in each.damage]) for each in done] == [
        (0, 0, [broken]),
        (30, 2, [torn]),
    ]
    left, still_broken = await keys(storage, "skewed/")
    assert (still_broken, await storage.get(broken)) == (broken, b"broken")
    assert b"torn" in await lines_of(storage, left)


async def test_an_object_that_another_refiling_removed_meanwhile_is_passed_over(storage):
    tree = SkewedTree(storage, POLICY).refile(Span(), -AHEAD_MS, NOW)
    await anext(tree)
    await storage.delete((await keys(storage, "skewed/"))[-1])
    assert [each.filed async for each in tree] == [0]


async def test_an_object_of_another_name_is_filed_under_the_moment_at_which_it_was_stored(storage):
    key = f"skewed/{hour_path(HOUR)}/theirs.jsonl"
    await storage.put(key, codec.encode_lines(WRONG[:1]))
    (first, *_) = await refile(storage)
    assert (first.key, first.filed) == (key, 1)
    assert any(f"/batch-{NOW}-" in each for each in await keys(storage, "raw/"))
