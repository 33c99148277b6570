"""Engines that run jobs away from the event loop: in a thread, or in processes, one a core."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from telemetry.coordination import pools
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.figures.engine import Engine, here

R = TypeVar("R")


class ClosingEngine(Engine, Protocol):
    """An engine that holds threads or processes."""

    async def close(self) -> None:
        """End them, without waiting for what runs there; closing twice does no harm."""
        ...


class LoopEngine:
    """Runs jobs on the loop that asks for it."""

    async def __call__(self, job: Callable[[], Awaitable[R]]) -> R:
        return await here(job)

    async def close(self) -> None:
        pass


class ThreadEngine:
    """Runs jobs in a thread, one after another. A job that is cancelled ends where it waits next."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")

    async def __call__(self, job: Callable[[], Awaitable[R]]) -> R:
        run = _Run(job)
        running = asyncio.get_running_loop().run_in_executor(self._thread, run)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            run.cancel()
            with suppress(BaseException):
                await running
            raise

    async def close(self) -> None:
        self._thread.shutdown(wait=False)


class ProcessEngine:
    """Runs jobs in processes, as many at once as there are; they are ended when it is closed."""

    def __init__(self, processes: int | None = None, begin: Callable[[], None] | None = None) -> None:
        """Start `processes` at the most, by default one a core; each calls `begin` first, if it is given."""
        self._processes = processes
        self._begin = begin
        self._pool = self._make()

    async def __call__(self, job: Callable[[], Awaitable[R]]) -> R:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, _Run(job))
        except BrokenProcessPool:
            self._pool = self._make()
            raise OutOfReachError("A process of the engine was killed, maybe for its memory") from None

    async def close(self) -> None:
        pools.end(self._pool)

    def _make(self) -> ProcessPoolExecutor:
        # A fork would take over locks that a thread holds at that moment.
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._processes, spawn, self._begin)


class _Run(Generic[R]):
    """One run of a job on a loop of its own, which another thread can cancel."""

    def __init__(self, job: Callable[[], Awaitable[R]]) -> None:
        self._job = job
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None
        self._is_cancelled = False

    def __call__(self) -> R:
        found: list[R] = []
        asyncio.run(self._main(found))
        return found[0]

    def cancel(self) -> None:
        self._is_cancelled = True
        if self._loop and self._task:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _main(self, found: list[R]) -> None:
        """Put the result into a list, because a runner in a main thread writes it out as text."""
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        if self._is_cancelled:
            raise asyncio.CancelledError
        found.append(await self._job())
