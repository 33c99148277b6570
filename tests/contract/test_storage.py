"""What every store promises, in the words of `telemetry.domain.store.storage`."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from telemetry.domain.store.storage import ObjectExistsError, ObjectInfo, ObjectNotFoundError

FOLDER = "raw/year=2025/month=10/day=19/hour=14"


def keys_of(listing: Sequence[ObjectInfo]) -> list[str]:
    return [info.key for info in listing]


@pytest.mark.parametrize("data", [b"", b"line\n", bytes(range(256)), bytes(5_000_000)])
async def test_an_object_is_read_as_it_was_put(storage, data):
    await storage.put(f"{FOLDER}/batch.jsonl", data)
    assert await storage.get(f"{FOLDER}/batch.jsonl") == data


@pytest.mark.parametrize("key", ["top", "a b/ü€.jsonl", "a/b..", "a=1/b,2/c;3"])
async def test_a_key_is_any_text_whose_parts_do_not_begin_with_a_dot(storage, key):
    await storage.put(key, b"1")
    assert keys_of(await storage.list("")) == [key]


async def test_putting_the_same_bytes_again_succeeds_and_changes_nothing(storage):
    await storage.put("a/b", b"1")
    before = await storage.list("")
    await storage.put("a/b", b"1")
    assert await storage.list("") == before


async def test_putting_other_bytes_under_a_key_raises_and_keeps_the_object(storage):
    await storage.put("a/b", b"1")
    with pytest.raises(ObjectExistsError, match="a/b"):
        await storage.put("a/b", b"2")
    assert await storage.get("a/b") == b"1"


async def test_of_several_that_put_other_bytes_under_one_key_at_once_one_succeeds(storage):
    tries = [storage.put("a/b", bytes([each])) for each in range(8)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(each) for each in done if each is not None] == [ObjectExistsError] * 7
    assert await storage.get("a/b") == bytes([done.index(None)])


async def test_with_overwrite_an_object_is_replaced(storage):
    await storage.put("a/b", b"1", overwrite=True)
    await storage.put("a/b", b"22", overwrite=True)
    assert await storage.get("a/b") == b"22"
    assert [(each.key, each.size) for each in await storage.list("")] == [("a/b", 2)]


@pytest.mark.parametrize("key", ["b", "a/c", "a", "a/b/c"])
async def test_getting_what_is_not_there_raises(storage, key):
    await storage.put("a/b", b"1")
    with pytest.raises(ObjectNotFoundError, match=key):
        await storage.get(key)


@pytest.mark.parametrize("key", ["b", "a/c", "a", "a/b/c", "x/y/z"])
async def test_deleting_what_is_not_there_succeeds_and_deletes_nothing_else(storage, key):
    await storage.put("a/b", b"1")
    await storage.delete(key)
    assert keys_of(await storage.list("")) == ["a/b"]


async def test_a_deleted_object_is_gone_and_its_key_is_free(storage):
    await storage.put("a/b", b"1")
    await storage.put("a/c", b"1")
    await storage.delete("a/b")
    assert keys_of(await storage.list("")) == ["a/c"]
    with pytest.raises(ObjectNotFoundError):
        await storage.get("a/b")
    await storage.put("a/b", b"2")
    assert await storage.get("a/b") == b"2"


async def test_the_folders_below_a_prefix_are_what_keys_have_before_their_next_slash(storage):
    for key in ("raw/h=1/a", "raw/h=1/b", "raw/h=10/a/b", "raw/c", "rawer/a", "skewed/h=1/a", "top"):
        await storage.put(key, b"1")
    assert list(await storage.folders("")) == ["raw/", "rawer/", "skewed/"]
    assert list(await storage.folders("raw/")) == ["raw/h=1/", "raw/h=10/"]
    assert list(await storage.folders("raw/h=10/")) == ["raw/h=10/a/"]
    for empty in ("raw/h=1/", "nothing/", "top/"):
        assert list(await storage.folders(empty)) == []


async def test_a_listing_has_the_objects_whose_keys_begin_with_the_prefix(storage):
    for key in ("raw/h=1/a", "raw/h=1/b", "raw/h=10/a", "raw/h=2/a", "rawer", "skewed/h=1/a"):
        await storage.put(key, b"1")
    assert keys_of(await storage.list("raw/h=1")) == ["raw/h=1/a", "raw/h=1/b", "raw/h=10/a"]
    assert keys_of(await storage.list("raw/h=1/")) == ["raw/h=1/a", "raw/h=1/b"]
    assert keys_of(await storage.list("raw/h=1/b")) == ["raw/h=1/b"]
    assert len(await storage.list("raw")) == 5
    assert len(await storage.list("")) == 6


@pytest.mark.parametrize(
    "prefix", ["z", "a/b/", "a/b/c", "a/c", "b/", "/", "a//", "..", "../", "a/../", "./", "a/./"]
)
async def test_a_prefix_that_no_key_begins_with_lists_nothing(storage, prefix):
    await storage.put("a/b", b"1")
    assert await storage.list(prefix) == []


async def test_an_empty_store_lists_nothing(storage):
    assert await storage.list("") == []
    assert await storage.list("raw/") == []


async def test_a_listing_is_in_the_order_of_the_keys_and_not_of_their_folders(storage):
    keys = ["a/b", "a-b", "a.b", "ab/c", "a0", "B", "é"]
    for key in keys:
        await storage.put(key, b"1")
    assert keys_of(await storage.list("")) == sorted(keys)


async def test_a_listing_says_how_large_an_object_is_and_when_it_appeared(storage):
    before = time.time_ns() // 1_000_000
    await storage.put("a/b", b"12345")
    (info,) = await storage.list("")
    assert info.size == 5
    assert before - 60_000 < info.stored_ms < before + 60_000  # it may be by another machine's clock


async def test_an_object_that_is_overwritten_appears_anew(storage):
    await storage.put("a", b"1")
    (before,) = await storage.list("")
    while True:
        await storage.put("a", b"2", overwrite=True)
        (after,) = await storage.list("")
        assert after.stored_ms >= before.stored_ms
        if after.stored_ms > before.stored_ms:
            return


async def test_a_reader_never_sees_a_part_of_an_object(storage):
    whole = [bytes([digit]) * 1_000_000 for digit in range(3)]
    await storage.put("a", whole[0])

    async def write() -> None:
        for turn in range(30):
            await storage.put("a", whole[turn % 3], overwrite=True)
            await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    while not writing.done():
        assert await storage.get("a") in whole
        assert [each.size for each in await storage.list("")] == [1_000_000]
        await asyncio.sleep(0)  # beside a store that never waits, nobody else would run
    await writing


async def test_two_writers_of_one_object_both_succeed(storage):
    await asyncio.gather(*(storage.put("a/b/c", b"same") for _ in range(8)))
    assert await storage.get("a/b/c") == b"same"
    assert len(await storage.list("")) == 1


async def test_many_objects_may_be_put_at_once(storage):
    keys = [f"raw/h={n % 3}/{n:03}" for n in range(60)]
    await asyncio.gather(*(storage.put(key, key.encode()) for key in keys))
    assert keys_of(await storage.list("raw/")) == sorted(keys)
    assert [await storage.get(key) for key in keys] == [key.encode() for key in keys]
