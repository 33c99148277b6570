"""A process aside keeps what jobs make there, and is there only while it is wanted."""

import asyncio
import os
import signal
from functools import cache, partial

import pytest

from harness.roles import is_running
from telemetry.coordination.aside import Aside
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.store.storage import StoreUnavailableError


def begin() -> None:
    os.environ["BEGUN"] = "yes"


@cache
def kept() -> list[int]:
    return []


async def add(number: int) -> tuple[int, int, str, list[int]]:
    kept().append(number)
    return os.getpid(), id(asyncio.get_running_loop()), os.environ["BEGUN"], kept()


async def fail() -> None:
    raise StoreUnavailableError("No space left on device")


async def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def hang() -> None:
    await asyncio.Event().wait()


async def until(condition) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_jobs_share_a_process_and_what_they_made_there_until_nobody_asks_any_more():
    aside = Aside(begin, idle_s=0.2)
    (pid, loop, begun, first), (again, same, _, second) = await asyncio.gather(
        aside(partial(add, 1)), aside(partial(add, 2))
    )
    assert pid == again != os.getpid()
    assert loop == same
    assert begun == "yes"
    assert (first, second) == ([1], [1, 2])
    with pytest.raises(StoreUnavailableError, match="No space"):
        await aside(fail)
    await until(lambda: not is_running(pid))
    assert (await aside(partial(add, 3)))[3] == [3]
    await aside.close()
    await aside.close()


async def test_a_process_that_is_killed_or_takes_too_long_is_replaced():
    aside = Aside(begin, longest_s=60)
    with pytest.raises(OutOfReachError, match="was killed"):
        await aside(be_killed)
    (pid, *_) = await aside(partial(add, 1))
    aside._longest_s = 0.05
    with pytest.raises(OutOfReachError, match=r"longer than 0.05 s"):
        await aside(hang)
    await until(lambda: not is_running(pid))
    aside._longest_s = 60
    assert (await aside(partial(add, 2)))[3] == [2]
    await aside.close()
