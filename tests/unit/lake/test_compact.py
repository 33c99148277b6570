"""Compaction, stepped by hand: nothing is lost and nothing doubled, wherever it is killed."""

import asyncio

import msgspec
import numpy as np
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.contract.record import Record
from telemetry.domain.figures import inputs
from telemetry.domain.figures.hour import Listing
from telemetry.domain.figures.inputs import Inputs, Name
from telemetry.domain.lake import manifest
from telemetry.domain.lake.follow import current
from telemetry.domain.lake.forms import Forms
from telemetry.domain.lake.lines import LinesForm
from telemetry.domain.lake.manifest import Manifest
from telemetry.domain.lake.revise import Compacted, SlowError
from telemetry.domain.lake.tidy import Tidied
from telemetry.domain.lake.verify import NotTheSameError
from telemetry.domain.store import objects
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.storage import Storage, StoreUnavailableError
from tests.builders import HOUR, NOW, a_record, identity, put_batch, some_records
from tests.lake import (
    FORMS,
    GRACE_MS,
    RETENTION,
    KilledError,
    SlowStorage,
    WatchedStorage,
    certify,
    compactor_of,
    read_hour,
    tidier_of,
)

LATE_MS = NOW + 3 * HOUR_MS


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(LATE_MS)


@pytest.fixture
def storage(clock: ManualClock) -> WatchedStorage:
    return WatchedStorage(clock)


async def fill(storage: Storage) -> list[Record]:
    """Store an hour of three vehicles in five objects, with copies of some records; return what counts."""
    made = [record for name in ("a", "b", "c") for record in some_records(4, vehicle_id=name)]
    made.append(a_record(vehicle_id="b", can_id="0x2", payload={"motor_rpm": 9.25, "x": 1.0}))
    for place in range(0, len(made), 4):
        await put_batch(storage, *made[place : place + 4], now=NOW + place)
    again = [
        a_record(vehicle_id=each.vehicle_id, timestamp_ms=each.timestamp_ms, received_ms=LATE_MS)
        for each in made[:3]
    ]
    await put_batch(storage, *again, now=NOW + 100)
    await certify(storage)
    return sorted(made, key=identity)


async def compacted(storage: Storage, clock: ManualClock, **terms: int) -> Compacted:
    made = await compactor_of(storage, clock, FORMS, **terms).compact(HOUR)
    assert made
    return made


async def newest(storage: Storage) -> Manifest:
    found, _ = await current(storage, HOUR)
    assert found
    return found


async def names(storage: Storage, prefix: str) -> list[str]:
    return [info.key for info in await storage.list(prefix)]


async def test_an_hour_becomes_one_object_and_another_with_its_copies(
    storage: WatchedStorage, clock: ManualClock
):
    expected = await fill(storage)
    made = await compacted(storage, clock)
    assert made.manifest == await newest(storage)
    assert (made.taken, made.left, made.is_lost) == (5, [], False)
    assert (len(made.manifest.objects), len(made.manifest.copies)) == (1, 1)
    assert (made.manifest.records, made.manifest.unique, made.manifest.revision) == (16, 13, 1)
    assert (made.manifest.first, made.manifest.last) == (
        "2025-10-19T14:30:00.000Z",
        "2025-10-19T14:30:00.600Z",
    )
    assert await read_hour(storage) == expected
    assert made.read == sum(info.size for info in await storage.list("raw/"))
    assert made.written == sum(each.size for each in made.manifest.beside)


async def test_objects_are_as_large_as_the_target_and_one_is_begun_behind_the_other(
    storage: WatchedStorage, clock: ManualClock
):
    expected = await fill(storage)
    made = await compacted(storage, clock, target=1, records=5)
    assert made.manifest
    assert [(each.first_vehicle, each.last_vehicle) for each in made.manifest.objects] == [
        (each, each) for each in "abc"
    ]
    assert await read_hour(storage) == expected


@pytest.mark.parametrize("records", [1, 4, 5, 9, 1000])
async def test_how_many_records_are_held_at_once_changes_nothing(
    storage: WatchedStorage, clock: ManualClock, records: int
):
    expected = await fill(storage)
    made = await compacted(storage, clock, records=records)
    assert made.manifest
    assert (made.manifest.records, made.manifest.unique) == (16, 13)
    assert await read_hour(storage) == expected


async def test_the_form_of_lines_needs_no_further_package(storage: WatchedStorage, clock: ManualClock):
    expected = await fill(storage)
    made = await compactor_of(storage, clock, Forms(LinesForm()), records=5).compact(HOUR)
    assert made
    assert made.manifest
    assert all(each.key.endswith(".jsonl.zst") for each in made.manifest.contents)
    assert await read_hour(storage) == expected


@pytest.mark.parametrize("state", ["open", "waiting"])
async def test_only_an_hour_that_is_complete_is_compacted(
    storage: WatchedStorage, clock: ManualClock, state: str
):
    await fill(storage)
    await certify(storage, state)
    assert await compactor_of(storage, clock).compact(HOUR) is None
    await storage.delete(objects.aggregated_key(HOUR))
    assert await compactor_of(storage, clock).compact(HOUR) is None
    assert await names(storage, "compacted/") == []


async def test_figures_without_a_certificate_are_not_complete(storage: WatchedStorage, clock: ManualClock):
    await fill(storage)
    for content in (b"{}", b"\xff"):
        await storage.put(objects.aggregated_key(HOUR), content, overwrite=True)
        assert await compactor_of(storage, clock).compact(HOUR) is None


async def test_a_second_run_has_nothing_to_do(storage: WatchedStorage, clock: ManualClock):
    await fill(storage)
    await compacted(storage, clock)
    before = await names(storage, "")
    assert await compactor_of(storage, clock).compact(HOUR) is None
    assert await names(storage, "") == before


async def test_late_data_is_read_beside_until_the_next_run_merges_it(
    storage: WatchedStorage, clock: ManualClock
):
    expected = await fill(storage)
    first = await compacted(storage, clock)
    late = a_record(vehicle_id="aa", timestamp_ms=NOW + 1)
    copy = a_record(
        vehicle_id="b", payload={"battery_soc": 1.0}, received_ms=NOW
    )  # received before the other
    await put_batch(storage, late, copy, now=LATE_MS)
    expected = sorted(
        [each for each in expected if identity(each) != identity(copy)] + [late, copy], key=identity
    )
    assert await read_hour(storage) == expected
    assert await compactor_of(storage, clock).compact(HOUR) is None  # since no figures have it yet
    await certify(storage)
    second = await compacted(storage, clock)
    assert second.manifest
    assert first.manifest
    assert (second.taken, second.manifest.revision, second.manifest.records) == (1, 2, 18)
    assert second.manifest.inputs.keys() > first.manifest.inputs.keys()
    assert await read_hour(storage) == expected


async def test_what_figures_were_not_built_from_is_left_beside_what_they_were(
    storage: WatchedStorage, clock: ManualClock
):
    await fill(storage)
    unread = await put_batch(storage, a_record(vehicle_id="aa"), now=LATE_MS)
    made = await compacted(storage, clock)
    assert made.manifest
    assert unread not in made.manifest.inputs
    assert made.manifest.inputs.keys() | {unread} == set(await names(storage, "raw/"))


async def test_an_hour_of_which_nothing_says_what_its_figures_are_of_is_left(
    storage: WatchedStorage, clock: ManualClock
):
    await fill(storage)
    for key in await names(storage, "aggregated/"):
        if "_inputs" in key:
            await storage.delete(key)
    assert await compactor_of(storage, clock).compact(HOUR) is None


@pytest.mark.parametrize("seen", [True, False])
async def test_of_figures_that_know_only_how_many_objects_they_are_of_those_count_that_they_have_seen(
    storage: WatchedStorage, clock: ManualClock, *, seen: bool
):
    await fill(storage)
    (key,) = [key for key in await names(storage, "aggregated/") if "_inputs" in key]
    read = inputs.read_name(key)
    assert read
    await storage.delete(key)
    if not seen:
        await put_batch(storage, a_record(vehicle_id="aa"), now=LATE_MS)
    raw = await storage.list("raw/")
    digest = Listing(raw if seen else raw[:-1], ()).digest
    built_from = inputs.encode(Inputs("", 5, None, 0, 0, ""))
    await storage.put(Name(digest, read.size).key(HOUR), built_from)
    made = await compactor_of(storage, clock).compact(HOUR)
    assert bool(made) is seen


async def test_objects_with_damaged_lines_stay_and_are_not_read_again_and_again(
    storage: WatchedStorage, clock: ManualClock
):
    expected = await fill(storage)
    folder = (await names(storage, "raw/"))[0].rpartition("/")[0]
    await storage.put(f"{folder}/torn.jsonl", b'{"torn\n')
    await storage.put(f"{folder}/torn.jsonl.zst", b"torn")
    await certify(storage)
    compactor = compactor_of(storage, clock)
    made = await compactor.compact(HOUR)
    assert made
    assert made.manifest
    assert [type(each) for each in made.left] == [DamagedObjectError] * 2
    assert not any("torn" in key for key in made.manifest.inputs)
    assert await compactor.compact(HOUR) is None
    assert await read_hour(storage) == expected
    clock.advance(2 * HOUR_MS / 1000)
    await tidier_of(storage, clock).tidy(HOUR)
    assert await names(storage, "raw/") == [f"{folder}/torn.jsonl", f"{folder}/torn.jsonl.zst"]


async def test_an_hour_of_nothing_but_damage_is_left(storage: WatchedStorage, clock: ManualClock):
    key = await put_batch(storage, a_record())
    await storage.put(key, b"torn\n", overwrite=True)
    await storage.put(f"{key}.empty.jsonl", b"")
    await certify(storage)
    made = await compactor_of(storage, clock).compact(HOUR)
    assert made
    assert (made.manifest, made.taken, len(made.left)) == (None, 0, 1)
    assert await names(storage, "compacted/") == []


async def test_an_hour_of_which_it_cannot_be_told_what_its_figures_are_of_is_an_error(
    storage: WatchedStorage, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
):
    await fill(storage)
    listing = storage.list

    async def refused(prefix: str):
        if prefix.startswith("skewed/"):
            raise StoreUnavailableError("it may not be listed")
        return await listing(prefix)

    monkeypatch.setattr(storage, "list", refused)
    with pytest.raises(StoreUnavailableError, match="may not be listed"):
        await compactor_of(storage, clock).compact(HOUR)


async def test_a_store_that_is_away_ends_it_and_takes_nothing_for_damaged(clock: ManualClock):
    class Away(WatchedStorage):
        async def get(self, key: str) -> bytes:
            if key.startswith("raw/"):
                raise StoreUnavailableError("away")
            return await super().get(key)

    storage = Away(clock)
    await fill(storage)
    with pytest.raises(StoreUnavailableError):
        await compactor_of(storage, clock).compact(HOUR)


@pytest.mark.parametrize("fault", ["bytes", "a value", "a receipt", "a record less", "a record twice"])
async def test_what_was_not_written_as_it_was_read_becomes_visible_to_nobody(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, fault: str
):
    storage = WatchedStorage(clock)
    expected = await fill(storage)
    form = LinesForm()
    writer = form.writer(HOUR)

    def wrong(self, columns):
        if fault == "a value":
            columns.dense[0, 0] += 1e-9
        if fault == "a receipt":
            columns.received[0] += 1
        if fault == "a record less":
            columns = columns.take(np.arange(1, columns.size))
        if fault == "a record twice":
            add(self, columns.take(np.arange(1)))
        add(self, columns)

    add = type(writer).add
    if fault == "bytes":
        wrongly = storage.get

        async def get(key: str) -> bytes:
            data = await wrongly(key)
            return data[:-1] + b"?" if "records-" in key else data

        monkeypatch.setattr(storage, "get", get)
        with pytest.raises(DamagedObjectError, match="not what its manifest says"):
            await compactor_of(storage, clock).compact(HOUR)
        monkeypatch.undo()
    else:
        monkeypatch.setattr(type(writer), "add", wrong)
        with pytest.raises(NotTheSameError):
            await compactor_of(storage, clock, Forms(form)).compact(HOUR)
    assert not any("manifest" in key for key in await names(storage, "compacted/"))
    assert await read_hour(storage) == expected


async def test_sums_that_were_not_written_as_they_were_added_up_become_visible_to_nobody(
    storage: WatchedStorage, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
):
    expected = await fill(storage)
    put = storage.put

    async def torn(key: str, data: bytes, *, overwrite: bool = False) -> None:
        await put(key, data[:-1] if "_sums-" in key else data, overwrite=overwrite)

    monkeypatch.setattr(storage, "put", torn)
    with pytest.raises(NotTheSameError, match="add up to"):
        await compactor_of(storage, clock).compact(HOUR)
    assert not any("manifest" in key for key in await names(storage, "compacted/"))
    assert await read_hour(storage) == expected


async def steps_of(storage: WatchedStorage, clock: ManualClock) -> None:
    """Compact, let a late object come, compact again, and tidy once all is old enough."""
    await compactor_of(storage, clock, target=1, records=5).compact(HOUR)
    clock.advance(2 * HOUR_MS / 1000)
    await tidier_of(storage, clock).tidy(HOUR)


STEPS = 24  # puts and deletes of `steps_of`, twice


class Killing:
    """Compacts an hour twice, with a late object in between, until its store kills it."""

    def __init__(self, storage: WatchedStorage, clock: ManualClock, expected: list[Record]) -> None:
        self.storage = storage
        self.clock = clock
        self.expected = expected

    async def look(self) -> None:
        assert await read_hour(self.storage) == self.expected

    async def run(self, step: int) -> None:
        self.storage.look, self.storage.left = self.look, step
        await steps_of(self.storage, self.clock)
        self.storage.look, left, self.storage.left = None, self.storage.left, None
        late = a_record(vehicle_id="d", timestamp_ms=NOW + 7)
        await put_batch(self.storage, late, now=LATE_MS)
        await certify(self.storage)
        self.expected = sorted([*self.expected, late], key=identity)
        self.storage.look, self.storage.left = self.look, left
        await steps_of(self.storage, self.clock)


@pytest.mark.parametrize("step", range(STEPS))
async def test_a_reader_sees_every_record_once_wherever_it_is_killed(
    storage: WatchedStorage, clock: ManualClock, step: int
):
    killing = Killing(storage, clock, await fill(storage))
    with pytest.raises(KilledError):
        await killing.run(step)
    expected = killing.expected
    storage.left = None
    await killing.look()
    for _ in range(2):  # what was left behind is taken up, or removed, by who comes next
        await steps_of(storage, clock)
    assert await read_hour(storage) == expected
    assert await names(storage, "raw/") == []
    found = await newest(storage)
    there = {*(each.key for each in found.beside), manifest.manifest_key(HOUR, found.revision)}
    assert set(await names(storage, "compacted/")) == there


async def test_those_are_all_the_steps_and_each_kind_is_among_them(
    storage: WatchedStorage, clock: ManualClock
):
    await fill(storage)
    storage.changes.clear()
    await steps_of(storage, clock)
    before = storage.changes.copy()
    await put_batch(storage, a_record(vehicle_id="d", timestamp_ms=NOW + 7), now=LATE_MS)
    await certify(storage)
    storage.changes = before
    await steps_of(storage, clock)
    assert storage.changes.total() == STEPS
    kinds = {
        "put records",
        "put copies",
        "put sums",
        "put manifest",
        "delete raw",
        "delete manifest",
        "delete records",
        "delete copies",
        "delete sums",
    }
    assert set(storage.changes) == kinds


@pytest.mark.parametrize("seed", range(20))
async def test_two_at_once_and_a_reader_beside_them_do_no_harm(clock: ManualClock, seed: int):
    storage = SlowStorage(clock, seed)
    expected = await fill(storage)
    done = asyncio.Event()

    async def read() -> None:
        while not done.is_set():
            assert await read_hour(storage) == expected

    reading = asyncio.create_task(read())
    targets = (1, 1) if seed % 2 else (1, 1000)  # what both write is the same, or is not
    both = [compactor_of(storage, clock, target=target, records=5) for target in targets]
    made = await asyncio.gather(*(each.compact(HOUR) for each in both))
    clock.advance(2 * HOUR_MS / 1000)
    await asyncio.gather(*(tidier_of(storage, clock).tidy(HOUR) for _ in both))
    done.set()
    await reading
    found = await newest(storage)
    assert all(each is None or each.is_lost or each.manifest == found for each in made)
    there = {*(each.key for each in found.beside), manifest.manifest_key(HOUR, found.revision)}
    assert set(await names(storage, "compacted/")) == there
    assert await read_hour(storage) == expected


async def test_one_that_takes_too_long_gives_up_before_others_take_its_objects_for_left_behind(
    clock: ManualClock,
):
    class Slow(WatchedStorage):
        async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
            if key.startswith("compacted/"):
                clock.advance(GRACE_MS / 1000)
            await super().put(key, data, overwrite=overwrite)

    storage = Slow(clock)
    expected = await fill(storage)
    with pytest.raises(SlowError, match="COMPACT_GRACE"):
        await compactor_of(storage, clock).compact(HOUR)
    assert await read_hour(storage) == expected


async def test_raw_objects_stay_until_their_retention_is_over_and_for_ever_without_one(
    storage: WatchedStorage, clock: ManualClock
):
    await fill(storage)
    assert (await tidier_of(storage, clock).tidy(HOUR)).raw == 0  # nothing is compacted yet
    await compacted(storage, clock)
    clock.advance(RETENTION.raw_ms / 1000 - 1)  # type: ignore[operator]
    assert (await tidier_of(storage, clock).tidy(HOUR)).raw == 0
    clock.advance(1)
    kept = await tidier_of(storage, clock, RETENTION.__class__(raw_ms=None, grace_ms=GRACE_MS)).tidy(HOUR)
    assert kept.raw == 0
    tidied = await tidier_of(storage, clock).tidy(HOUR)
    assert (tidied.raw, tidied.replaced) == (5, 0)
    assert tidied.raw_bytes > 0
    assert await names(storage, "raw/") == []


async def test_within_the_grace_nothing_is_removed(storage: WatchedStorage, clock: ManualClock):
    await fill(storage)
    await compacted(storage, clock)
    before = await names(storage, "")
    clock.advance(GRACE_MS / 1000 - 1)
    retention = msgspec.structs.replace(RETENTION, raw_ms=0)
    assert await tidier_of(storage, clock, retention).tidy(HOUR) == Tidied()
    assert await names(storage, "") == before


async def test_raw_objects_stay_if_what_stands_for_them_cannot_be_read(
    storage: WatchedStorage, clock: ManualClock
):
    await fill(storage)
    made = await compacted(storage, clock)
    assert made.manifest
    await storage.put(made.manifest.objects[0].key, b"torn", overwrite=True)
    clock.advance(2 * HOUR_MS / 1000)
    with pytest.raises(DamagedObjectError):
        await tidier_of(storage, clock).tidy(HOUR)
    assert len(await names(storage, "raw/")) == 5


async def test_what_others_put_beside_a_manifest_stays(storage: WatchedStorage, clock: ManualClock):
    await fill(storage)
    await compacted(storage, clock)
    other = f"{manifest.folder(HOUR)}notes.txt"
    await storage.put(other, b"")
    clock.advance(2 * HOUR_MS / 1000)
    await tidier_of(storage, clock).tidy(HOUR)
    assert other in await names(storage, "compacted/")


def test_objects_of_an_unknown_form_are_named():
    with pytest.raises(DamagedObjectError, match="form is not known"):
        FORMS.read("compacted/x.orc", b"", HOUR)
