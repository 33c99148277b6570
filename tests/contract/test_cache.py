"""What every cache promises, in the words of `telemetry.domain.figures.cache`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from telemetry.adapters.cache.local import LocalCache
from telemetry.adapters.cache.memory import MemoryCache
from telemetry.domain.figures.cache import Cache

MakeCache = Callable[[int], Cache]


@pytest.fixture(params=["local", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeCache:
    if request.param == "memory":
        return MemoryCache
    return lambda most: LocalCache(tmp_path / "cache", most)


@pytest.fixture
def cache(make: MakeCache) -> Cache:
    return make(1_000_000)


@pytest.mark.parametrize("data", [b"x", bytes(range(256)) * 100])
@pytest.mark.parametrize("name", ["a", "a/b", "480000/state-1-all"])
async def test_what_was_put_is_got(cache, name, data):
    await cache.put(name, data)
    found = await cache.get(name)
    assert found is not None
    assert bytes(found) == data


async def test_what_was_not_put_is_not_there(cache):
    await cache.put("a/b", b"1")
    assert await cache.get("a/c") is None
    assert await cache.get("a") is None
    assert await cache.get("a/b/c") is None


async def test_what_is_put_last_takes_the_place_of_what_had_the_name(cache):
    await cache.put("a", b"1")
    before = await cache.get("a")
    await cache.put("a", b"22")
    after = await cache.get("a")
    assert before is not None
    assert after is not None
    assert (bytes(before), bytes(after)) == (b"1", b"22")


async def test_the_oldest_is_lost_when_there_is_no_room(make):
    cache = make(100_000)
    for number in range(40):
        await cache.put(f"{number // 10}/{number}", bytes(10_000))
    kept = [number for number in range(40) if await cache.get(f"{number // 10}/{number}")]
    assert kept == list(range(40 - len(kept), 40))
    assert 9 <= len(kept) <= 11


async def test_what_is_larger_than_all_the_room_is_lost_at_once(make):
    cache = make(10)
    await cache.put("a", bytes(11))
    assert await cache.get("a") is None
