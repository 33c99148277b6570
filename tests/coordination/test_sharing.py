"""What many ask for is read once."""

import asyncio

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.coordination.sharing import MOST_KEPT, Shared
from telemetry.domain.errors import OutOfReachError


class Source:
    """Something to read, which a test holds back or has fail."""

    def __init__(self) -> None:
        self.reads = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.reads += 1
        mine = self.reads
        await self.gate.wait()
        if self.error:
            raise self.error
        return mine


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def source() -> Source:
    return Source()


async def test_all_who_ask_at_once_share_one_read(clock, source):
    shared = Shared[int](clock, 1)
    source.gate.clear()
    asking = [asyncio.create_task(shared.get("k", source)) for _ in range(50)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await asyncio.gather(*asking) == [1] * 50
    assert source.reads == 1


async def test_a_young_answer_is_given_again_and_an_old_one_is_not(clock, source):
    shared = Shared[int](clock, 2)
    assert await shared.get("k", source) == 1
    clock.advance(1.9)
    assert await shared.get("k", source) == 1
    clock.advance(0.2)
    assert await shared.get("k", source) == 2


async def test_an_answer_is_young_from_its_end_on(clock, source):
    shared = Shared[int](clock, 2)
    source.gate.clear()
    asking = asyncio.create_task(shared.get("k", source))
    await asyncio.sleep(0)
    clock.advance(100)
    source.gate.set()
    assert await asking == 1
    assert await shared.get("k", source) == 1


async def test_an_error_is_for_all_who_ask_until_it_is_old(clock, source):
    shared = Shared[int](clock, 2)
    source.error = OutOfReachError("away")
    for _ in range(3):
        with pytest.raises(OutOfReachError, match="away"):
            await shared.get("k", source)
    assert source.reads == 1
    source.error = None
    clock.advance(2)
    assert await shared.get("k", source) == 2


async def test_who_stops_waiting_stops_no_read_of_others(clock, source):
    shared = Shared[int](clock, 1)
    source.gate.clear()
    first, second = (asyncio.create_task(shared.get("k", source)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    source.gate.set()
    assert await second == 1
    assert source.reads == 1


async def test_different_things_are_read_each_and_the_oldest_answers_are_dropped(clock, source):
    shared = Shared[int](clock, 1000)
    for key in range(MOST_KEPT + 1):
        await shared.get(key, source)
    assert await shared.get(1, source) == 2
    assert await shared.get(0, source) == MOST_KEPT + 2


async def test_too_many_reads_at_once_are_refused(clock, source):
    shared = Shared[int](clock, 1)
    source.gate.clear()
    asking = [asyncio.create_task(shared.get(key, source)) for key in range(MOST_KEPT)]
    await asyncio.sleep(0)
    with pytest.raises(OutOfReachError, match="Too much"):
        await shared.get("another", source)
    source.gate.set()
    assert sorted(await asyncio.gather(*asking)) == list(range(1, MOST_KEPT + 1))
    assert await shared.get("another", source) == MOST_KEPT + 1
