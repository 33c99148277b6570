"""The loop of histories: its order is drawn, its time is virtual, and whom it killed runs no further step."""

import asyncio
from random import Random

import pytest

from harness.histories.loop import Process, SeededLoop, StuckError


def test_the_order_of_what_is_ready_is_that_of_the_seed():
    def order(seed: int) -> list[int]:
        ran: list[int] = []

        async def main() -> None:
            async def one(number: int) -> None:
                await asyncio.sleep(0)
                ran.append(number)

            async with asyncio.TaskGroup() as tasks:
                for number in range(8):
                    tasks.create_task(one(number))

        SeededLoop(Random(seed)).run(main())
        return ran

    assert order(1) == order(1)
    assert sorted(order(1)) == list(range(8))
    assert len({tuple(order(seed)) for seed in range(20)}) > 10


def test_a_year_passes_at_once():
    loop = SeededLoop(Random(0))
    loop.run(asyncio.sleep(365 * 86400))
    assert loop.time() == 365 * 86400


def test_a_wait_without_an_end_is_a_deadlock():
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StuckError, match="everybody waits"):
        SeededLoop(Random(0)).run(main())


def test_what_goes_in_circles_is_found():
    async def main() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(StuckError, match="there is no end"):
        SeededLoop(Random(0)).run(main())


@pytest.mark.parametrize("seed", range(20))
def test_a_process_that_is_killed_after_some_steps_runs_none_more(seed: int):
    ran: list[int] = []
    process = Process("killed")

    async def work() -> None:
        while True:
            ran.append(loop.steps)
            await asyncio.sleep(0)

    async def main() -> None:
        loop.spawn(process, work())
        loop.after(4, lambda: setattr(process, "is_dead", True))
        await asyncio.sleep(1)

    loop = SeededLoop(Random(seed))
    loop.run(main())
    assert ran == [2, 3, 4, 5]  # the first step is that of `main`


def test_a_killed_process_runs_no_finally_and_a_frozen_one_goes_on_when_it_is_thawed():
    said: list[str] = []
    killed, frozen = Process("killed"), Process("frozen")

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(1)
        finally:
            said.append(name)

    async def main() -> None:
        loop.spawn(killed, work("killed"))
        loop.spawn(frozen, work("frozen"))
        await asyncio.sleep(0.5)
        killed.is_dead = frozen.is_frozen = True
        await asyncio.sleep(5)
        assert said == []
        loop.thaw(frozen)
        await asyncio.sleep(1)
        assert said == ["frozen"]

    loop = SeededLoop(Random(0))
    loop.run(main())
