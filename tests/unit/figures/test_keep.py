"""Figures never shrink in silence: what was built from more stays, says so, and is replaced on purpose."""

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.domain.figures import hour as stored
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.hour import Built, Kept
from telemetry.domain.figures.inputs import Name
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo, StoreUnavailableError
from tests.builders import HOUR, NOW, a_record, put_batch, some_records
from tests.fakes import FailingStorage

KEY = objects.aggregated_key(HOUR)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def storage(clock: ManualClock) -> FailingStorage:
    return FailingStorage(clock)


async def refresh(storage: FailingStorage) -> Built:
    built = await Aggregator(storage).refresh(HOUR)
    assert built
    return built


async def beside(storage: FailingStorage) -> list[ObjectInfo]:
    return [info for info in await storage.list("aggregated/") if info.key != KEY]


async def test_figures_whose_objects_are_gone_are_kept_and_say_how_many_inputs_are_missing(storage):
    keys = [await put_batch(storage, a_record(can_id=f"0x{n}")) for n in range(1, 4)]
    before = (await refresh(storage)).aggregated
    await storage.delete(keys[0])
    built = await refresh(storage)
    assert built.kept == Kept(objects_before=3, objects_now=2, records_before=3, missing=keys[0])
    assert built.aggregated == msgspec.structs.replace(before, inputs_missing=1)
    assert await Aggregator(storage).figures(HOUR) == built.aggregated
    assert await Aggregator(storage).refresh(HOUR) is None  # until something changes


async def test_an_unmounted_raw_folder_changes_no_figures_though_a_skewed_object_is_left(storage):
    keys = [await put_batch(storage, *some_records(9)), await put_batch(storage, a_record(can_id="0x2"))]
    await put_batch(storage, a_record(timestamp_ms=0))
    before = (await refresh(storage)).aggregated
    for key in keys:
        await storage.delete(key)
    built = await refresh(storage)
    assert built.kept == Kept(objects_before=3, objects_now=1, records_before=10, missing=min(keys))
    assert (built.aggregated.unique, built.aggregated.inputs_missing) == (before.unique, 2)


async def test_once_the_objects_are_back_nothing_is_missing_and_nothing_is_built(storage):
    key = await put_batch(storage, a_record())
    before = (await refresh(storage)).aggregated
    content = await storage.get(key)
    await storage.delete(key)
    assert (await refresh(storage)).kept
    await storage.put(key, content)
    assert await Aggregator(storage).refresh(HOUR) is None
    assert await Aggregator(storage).figures(HOUR) == before
    assert len(await beside(storage)) == 1


async def test_an_object_that_replaces_another_is_no_reason_to_forget_what_is_gone(storage):
    await storage.delete(await put_batch(storage, a_record()))
    gone = await put_batch(storage, *some_records(2))
    await refresh(storage)
    await storage.delete(gone)
    await put_batch(storage, *some_records(2, NOW + 5000))
    built = await refresh(storage)
    assert built.kept == Kept(objects_before=1, objects_now=1, records_before=2, missing=gone)
    assert (built.aggregated.inputs_missing, built.aggregated.inputs_waiting) == (1, 1)
    await put_batch(storage, a_record(can_id="0x3"))
    assert (await refresh(storage)).aggregated.inputs_waiting == 2


@pytest.mark.parametrize("left", [0, 1])
async def test_an_object_that_was_emptied_or_cut_is_as_good_as_gone(storage, left):
    key = await put_batch(storage, *some_records(2))
    await refresh(storage)
    lines = (await storage.get(key)).splitlines(keepends=True)
    await storage.put(key, b"".join(lines[:left]), overwrite=True)
    built = await refresh(storage)
    assert built.kept
    assert (built.aggregated.unique, built.aggregated.inputs_missing) == (2, 1)


async def test_garbage_of_the_same_size_is_named_and_the_figures_before_it_are_kept(storage):
    key = await put_batch(storage, *some_records(3))
    await refresh(storage)
    await storage.put(key, b"#" * len(await storage.get(key)), overwrite=True)
    await put_batch(storage, a_record(can_id="0x2"))  # without which nobody would look
    built = await refresh(storage)
    assert built.kept == Kept(1, 1, records_before=3, records_now=1, missing=key)
    assert [error.key for error in built.damage] == [key]
    assert (built.aggregated.unique, built.aggregated.inputs_missing, built.aggregated.inputs_waiting) == (
        3,
        1,
        1,
    )
    assert await Aggregator(storage).refresh(HOUR) is None


async def test_figures_are_built_from_what_is_left_on_purpose(storage):
    gone = await put_batch(storage, *some_records(3))
    await put_batch(storage, a_record(can_id="0x2"))
    await refresh(storage)
    await storage.delete(gone)
    unforced = await Aggregator(storage).build(HOUR)
    assert unforced
    assert unforced.kept
    forced = await Aggregator(storage).build(HOUR, force=True)
    assert forced
    assert (forced.kept, forced.aggregated.unique, forced.aggregated.inputs_missing) == (None, 1, 0)
    assert await Aggregator(storage).refresh(HOUR) is None
    await put_batch(storage, a_record(can_id="0x3"))  # from then on as if nothing had been more
    assert (await refresh(storage)).aggregated.unique == 2


async def test_there_is_nothing_to_build_on_purpose_where_nothing_is_left(storage):
    await storage.delete(await put_batch(storage, a_record()))
    assert await Aggregator(storage).build(HOUR, force=True) is None


async def test_an_hour_whose_skewed_objects_were_filed_elsewhere_says_so(storage):
    key = await put_batch(storage, a_record(timestamp_ms=0))
    assert (await refresh(storage)).aggregated.skewed == 1
    await storage.delete(key)
    built = await refresh(storage)
    assert (built.kept, built.aggregated.skewed) == (None, 0)


# Figures that others touched


@pytest.mark.parametrize("damage", [None, b"{", b"garbage"])
async def test_figures_that_were_removed_or_damaged_are_built_anew(storage, clock, damage):
    await put_batch(storage, a_record())
    await refresh(storage)
    whole = await storage.get(KEY)
    clock.advance(1)
    await (storage.delete(KEY) if damage is None else storage.put(KEY, damage, overwrite=True))
    assert await Aggregator(storage).is_stale(HOUR)
    assert (await refresh(storage)).aggregated.inputs_missing == 0
    assert await storage.get(KEY) == whole


async def test_figures_that_others_changed_are_built_anew_and_those_that_were_only_touched_are_not(
    storage, clock
):
    await put_batch(storage, a_record())
    await refresh(storage)
    whole = await storage.get(KEY)
    clock.advance(1)
    await storage.put(KEY, whole.replace(b'"unique":1', b'"unique":7'), overwrite=True)
    await refresh(storage)
    assert await storage.get(KEY) == whole
    clock.advance(1)
    await storage.put(KEY, whole, overwrite=True)
    assert await Aggregator(storage).is_stale(HOUR)
    assert await Aggregator(storage).refresh(HOUR) is None
    assert not await Aggregator(storage).is_stale(HOUR)


async def test_figures_that_are_gone_with_some_of_their_objects_are_built_from_the_rest_and_say_so(storage):
    gone = await put_batch(storage, a_record())
    await put_batch(storage, a_record(can_id="0x2"))
    await refresh(storage)
    await storage.delete(gone)
    await storage.delete(KEY)
    built = await refresh(storage)
    assert (built.kept, built.aggregated.unique, built.aggregated.inputs_missing) == (None, 1, 1)


async def test_what_lies_beside_figures_is_forgotten_with_them_and_their_objects(storage):
    key = await put_batch(storage, a_record())
    await refresh(storage)
    await storage.delete(key)
    await storage.delete(KEY)
    assert await Aggregator(storage).refresh(HOUR) is None
    assert await storage.list("") == []
    assert not await Aggregator(storage).is_stale(HOUR)


# Figures of earlier versions, which have nothing beside them


async def without_inputs(storage: FailingStorage) -> None:
    for info in await beside(storage):
        await storage.delete(info.key)


async def test_figures_alone_are_believed_if_they_name_this_listing(storage):
    await put_batch(storage, a_record())
    await refresh(storage)
    await without_inputs(storage)
    assert await Aggregator(storage).refresh(HOUR) is None
    assert len(await beside(storage)) == 1


async def test_figures_alone_are_replaced_if_only_a_skewed_object_is_gone(storage):
    await put_batch(storage, a_record())
    skewed = await put_batch(storage, a_record(timestamp_ms=0))
    await refresh(storage)
    await without_inputs(storage)
    await storage.delete(skewed)  # as who files it again does
    built = await refresh(storage)
    assert (built.kept, built.aggregated.objects, built.aggregated.inputs_missing) == (None, 1, 0)


async def test_figures_alone_are_replaced_if_skewed_objects_are_gone_and_more_records_came(storage):
    await put_batch(storage, a_record())
    skewed = [await put_batch(storage, a_record(timestamp_ms=0), now=NOW + number) for number in range(4)]
    await refresh(storage)
    await without_inputs(storage)
    for key in skewed[1:]:
        await storage.delete(key)
    await put_batch(storage, a_record(can_id="0x2"))
    built = await refresh(storage)
    assert (built.kept, built.aggregated.raw_objects, built.aggregated.records) == (None, 2, 2)


async def test_figures_of_an_earlier_version_do_not_say_how_many_of_their_objects_are_raw(storage):
    keys = [await put_batch(storage, a_record(can_id=f"0x{n}")) for n in range(1, 4)]
    built = await refresh(storage)
    await without_inputs(storage)
    earlier = msgspec.structs.replace(built.aggregated, raw_objects=None)
    await storage.put(objects.aggregated_key(HOUR), stored.encode(earlier), overwrite=True)
    await storage.delete(keys[1])
    assert (await refresh(storage)).kept == Kept(
        objects_before=3, objects_now=2, records_before=3, records_now=2
    )


async def test_figures_alone_are_kept_if_they_name_more_objects_than_there_are(storage):
    keys = [await put_batch(storage, a_record(can_id=f"0x{n}")) for n in range(1, 4)]
    await refresh(storage)
    await without_inputs(storage)
    await storage.delete(keys[1])
    built = await refresh(storage)
    assert built.kept == Kept(objects_before=3, objects_now=2, records_before=3, records_now=2)
    assert await Aggregator(storage).refresh(HOUR) is None


async def test_what_is_beside_figures_and_cannot_be_read_is_as_if_it_were_not_there(storage):
    await put_batch(storage, a_record())
    await refresh(storage)
    (info,) = await beside(storage)
    await storage.put(info.key, b"{", overwrite=True)
    await put_batch(storage, a_record(can_id="0x2"))
    assert (await refresh(storage)).aggregated.unique == 2


# Killed at any moment


@pytest.mark.parametrize(("puts", "gone"), [(0, False), (0, True), (1, False), (1, True)])
async def test_an_aggregator_killed_at_any_put_leaves_what_the_next_one_completes(storage, clock, puts, gone):
    first = await put_batch(storage, *some_records(3))
    await refresh(storage)
    clock.advance(1)
    await (storage.delete(first) if gone else put_batch(storage, a_record(can_id="0x2")))
    storage.puts_left = puts
    with pytest.raises(StoreUnavailableError):
        await Aggregator(storage).refresh(HOUR)
    storage.puts_left = 10
    clock.advance(1)
    await Aggregator(storage).refresh(HOUR)
    figures = stored.decode(await storage.get(KEY))
    assert (figures.unique, figures.inputs_missing) == ((3, 1) if gone else (4, 0))
    assert len(await beside(storage)) == 1
    assert not await Aggregator(storage).is_stale(HOUR)


async def test_an_aggregator_killed_before_its_last_deletion_leaves_what_the_next_one_clears(storage):
    await put_batch(storage, a_record())
    await refresh(storage)
    (old,) = await beside(storage)
    content = await storage.get(old.key)
    await put_batch(storage, a_record(can_id="0x2"))
    await refresh(storage)
    await storage.put(old.key, content)
    assert await Aggregator(storage).refresh(HOUR) is None
    (left,) = await beside(storage)
    assert left.key != old.key


# Rotten in place: of the same size and age, which no listing shows


async def rot(storage: FailingStorage) -> None:
    await storage.put(KEY, b"#" * len(await storage.get(KEY)), overwrite=True)


async def test_figures_that_rotted_are_built_anew_once_somebody_looks(storage):
    await put_batch(storage, a_record())
    await refresh(storage)
    whole = await storage.get(KEY)
    await rot(storage)
    assert not await Aggregator(storage).is_stale(HOUR)
    await storage.put(Name("00", 1).key(HOUR), b"{}")
    await refresh(storage)
    assert await storage.get(KEY) == whole
    assert len(await beside(storage)) == 1


async def test_figures_that_rotted_and_whose_objects_are_gone_are_built_from_the_rest_and_say_so(storage):
    gone = await put_batch(storage, a_record())
    await put_batch(storage, a_record(can_id="0x2"))
    await refresh(storage)
    await rot(storage)
    await storage.delete(gone)
    built = await refresh(storage)
    assert (built.kept, built.aggregated.unique, built.aggregated.inputs_missing) == (None, 1, 1)


async def test_figures_that_rotted_while_their_objects_did_are_built_from_the_rest(storage):
    key = await put_batch(storage, *some_records(3))
    await refresh(storage)
    await rot(storage)
    await storage.put(key, b"#" * len(await storage.get(key)), overwrite=True)
    await put_batch(storage, a_record(can_id="0x2"))
    assert (await refresh(storage)).aggregated.unique == 1


# What cannot be read now


async def test_an_hour_that_cannot_be_listed_raises_what_the_store_says(storage):
    storage.failing = {"list"}
    with pytest.raises(StoreUnavailableError, match="list fails"):
        await Aggregator(storage).refresh(HOUR)


async def test_figures_are_kept_while_an_object_cannot_be_read_and_that_is_news_once(storage):
    key = await put_batch(storage, *some_records(3))
    await refresh(storage)
    await put_batch(storage, a_record(can_id="0x2"))
    storage.unreadable = {key}
    first, again = await refresh(storage), await refresh(storage)
    assert first.kept == again.kept == Kept(1, 1, records_before=3, records_now=1, missing=key)
    assert (first.is_new, again.is_new) == (True, False)
    assert first.unread == {key}
    storage.unreadable = ()
    built = await refresh(storage)
    assert (built.kept, built.aggregated.unique, built.aggregated.inputs_missing) == (None, 4, 0)
