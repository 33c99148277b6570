"""Steps in order, prepared ahead."""

import asyncio
from contextlib import aclosing

import pytest

from telemetry.coordination.ahead import ahead


class Preparing:
    """Notes how many preparations are under way."""

    def __init__(self) -> None:
        self.now = self.most = self.begun = 0

    async def __call__(self, number: int) -> None:
        self.begun += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if number < 0:
                raise ValueError(number)
        finally:
            self.now -= 1


@pytest.mark.parametrize("at_once", [1, 2, 5, 9])
async def test_items_come_in_order_and_no_more_are_prepared_at_once_than_is_said(at_once: int):
    preparing = Preparing()
    assert [each async for each in ahead(range(6), preparing, at_once)] == list(range(6))
    assert preparing.begun == (6 if at_once > 1 else 0)
    assert preparing.most == (min(at_once, 6) if at_once > 1 else 0)


async def test_what_preparing_raises_is_raised_and_nothing_stays_under_way():
    preparing = Preparing()
    with pytest.raises(ValueError, match="-1"):
        async for _ in ahead([0, -1, 2, 3], preparing, 3):
            pass
    assert preparing.now == 0


async def test_who_stops_early_cancels_what_is_under_way():
    preparing = Preparing()
    async with aclosing(ahead(range(100), preparing, 4)) as items:
        async for item in items:
            if item == 2:
                break
    assert preparing.now == 0
    assert preparing.begun < 10


async def test_no_items_are_no_steps():
    nothing: list[int] = []
    assert [each async for each in ahead(nothing, Preparing(), 2)] == []
