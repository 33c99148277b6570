"""One process beside this one for work that would hold up the event loop here."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache, partial
from typing import Final, TypeVar

from telemetry.coordination import pools
from telemetry.domain.errors import OutOfReachError

R = TypeVar("R")

LONGEST_S: Final = 30.0
IDLE_S: Final = 60.0


class Aside:
    """Runs jobs in one process, one after another and all on one loop, so that what they make there lasts.

    The process is started at the first job. It is ended once no job came for `idle_s`, and if one takes
    longer than `longest_s`, which is shorter.
    """

    def __init__(
        self, begin: Callable[[], None], longest_s: float = LONGEST_S, idle_s: float = IDLE_S
    ) -> None:
        """Let the process call `begin` before its first job."""
        self._begin = begin
        self._longest_s = longest_s
        self._idle_s = idle_s
        self._pool: ProcessPoolExecutor | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __call__(self, job: Callable[[], Awaitable[R]]) -> R:
        """Run a job that can be pickled, as its result and its errors can.

        Raise OutOfReachError if it takes too long, or if the process is killed.
        """
        loop = asyncio.get_running_loop()
        self._stop_timer()
        try:
            async with asyncio.timeout(self._longest_s):
                return await loop.run_in_executor(self._started(), partial(_run, job))
        except TimeoutError:
            self._end()
            raise OutOfReachError(f"Reading took longer than {self._longest_s:g} s") from None
        except BrokenProcessPool:
            self._end()
            raise OutOfReachError("The process that reads was killed, maybe for its memory") from None
        finally:
            self._stop_timer()
            self._timer = loop.call_later(self._idle_s, self._end)

    async def close(self) -> None:
        """End the process, without waiting for what runs there; closing twice does no harm."""
        self._stop_timer()
        self._end()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # A fork would take over locks that a thread holds at that moment.
            self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), self._begin)
        return self._pool

    def _end(self) -> None:
        if self._pool:
            pools.end(self._pool)
            self._pool = None

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


@cache
def _runner() -> asyncio.Runner:
    """Return the loop of this process, on which all jobs run."""
    return asyncio.Runner()


def _run(job: Callable[[], Awaitable[R]]) -> R:
    async def main() -> R:
        return await job()

    return _runner().run(main())
