"""Engines: a job runs to its end away from the loop, and is given up when it is cancelled."""

import asyncio
import multiprocessing
import os
import signal
import threading
from functools import partial

import pytest

from telemetry.coordination.engine import ClosingEngine, LoopEngine, ProcessEngine, ThreadEngine
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.store.storage import StoreUnavailableError


async def add(left: int, right: int) -> int:
    await asyncio.sleep(0)
    return left + right


async def fail() -> None:
    raise StoreUnavailableError("No space left on device")


async def where() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()


async def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(
    params=[LoopEngine, ThreadEngine, partial(ProcessEngine, 1)], ids=["here", "thread", "process"]
)
async def engine(request: pytest.FixtureRequest):
    made: ClosingEngine = request.param()
    yield made
    await made.close()
    await made.close()


async def test_a_job_returns_what_it_returns(engine):
    assert await asyncio.gather(*(engine(partial(add, number, 1)) for number in range(5))) == [1, 2, 3, 4, 5]


async def test_a_job_raises_what_it_raises(engine):
    with pytest.raises(StoreUnavailableError, match="No space"):
        await engine(fail)


async def test_a_job_runs_where_its_engine_says():
    here, thread, process = LoopEngine(), ThreadEngine(), ProcessEngine(1)
    ours = await where()
    assert await here(where) == ours
    pid, ident = await thread(where)
    assert pid == ours[0]
    assert ident != ours[1]
    pid, _ = await process(where)
    assert pid != ours[0]
    for engine in (here, thread, process):
        await engine.close()


async def test_a_job_in_a_thread_ends_where_it_waits_next_when_it_is_cancelled():
    engine, begun, ended = ThreadEngine(), threading.Event(), threading.Event()

    async def endless() -> None:
        begun.set()
        try:
            while True:
                await asyncio.sleep(0)
        finally:
            ended.set()

    running = asyncio.create_task(engine(endless))
    while not begun.is_set():
        await asyncio.sleep(0.001)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
    await engine.close()


async def test_a_job_that_waits_for_the_thread_is_not_begun_once_it_is_cancelled():
    engine, gate, begun = ThreadEngine(), threading.Event(), threading.Event()

    async def first() -> None:
        await asyncio.to_thread(gate.wait)

    async def second() -> None:
        begun.set()

    running, waiting = asyncio.create_task(engine(first)), asyncio.create_task(engine(second))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    gate.set()
    await running
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not begun.is_set()
    await engine.close()


async def test_a_process_that_is_killed_costs_its_job_alone():
    engine = ProcessEngine(1)
    with pytest.raises(OutOfReachError, match="was killed"):
        await engine(be_killed)
    assert await engine(partial(add, 1, 2)) == 3
    await engine.close()


async def test_closing_ends_the_processes_in_the_middle_of_a_job():
    engine = ProcessEngine(1)
    running = asyncio.create_task(engine(partial(asyncio.sleep, 3600)))
    while not multiprocessing.active_children():
        await asyncio.sleep(0.01)
    children = multiprocessing.active_children()
    running.cancel()
    await engine.close()
    # The pool's own thread waits for them too, so a child may be gone a moment before it is known to be.
    while any(child.is_alive() for child in children):
        await asyncio.sleep(0.01)


async def test_closing_ends_no_process_of_another():
    engine, other = ProcessEngine(1), ProcessEngine(1)
    pid, _ = await other(where)
    await engine(where)
    await engine.close()
    assert (await other(where))[0] == pid
    await other.close()
