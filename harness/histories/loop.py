"""An event loop in virtual time that runs what is ready in an order drawn by a seed, and the processes on it.

Its rules:

- A process is a name in the context of its tasks. What it calls, and what it starts, belongs to it.
- A process that was killed runs no further step, wherever it waits: no `finally`, no handler.
- A process that is frozen runs none until it is thawed. Its timers go on.
- Time passes only when nothing is ready. If there is no timer either, nothing can ever happen again: that is
  a deadlock, and fails.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from functools import partial
from random import Random
from typing import Any, Final, TypeVar

T = TypeVar("T")

MOST_STEPS: Final = 500_000
"""Callbacks that one history may run; one that needs more goes in circles."""


class StuckError(Exception):
    """Everybody waits, and nothing will happen any more; or everybody is busy, and nothing ends."""


class Process:
    """What is started, frozen and killed together."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.is_dead = False
        self.is_frozen = False
        self.is_stopping = False
        self.left: list[_Callback] = []  # what it would have run since it was killed or frozen

    @property
    def is_running(self) -> bool:
        return not self.is_dead and not self.is_frozen


_NOBODY: Final = Process("history")
_process: Final[ContextVar[Process]] = ContextVar("process", default=_NOBODY)


class _Callback:
    """A callback that was asked for, which may be cancelled."""

    __slots__ = ("args", "callback", "context", "is_cancelled", "process")

    def __init__(self, callback: Callable[..., object], args: tuple[object, ...], context: Context) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self.process = context.get(_process, _NOBODY)
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled


class _Pause:
    """A step in which a task does nothing."""

    def __await__(self) -> Generator[None]:
        yield


_PAUSE: Final = _Pause()


class SeededLoop:
    """The loop: as much of one as tasks, timeouts and task groups need."""

    def __init__(self, random: Random) -> None:
        self._draw = random.random
        self._now_s = 0.0
        self._ready: list[_Callback] = []
        self._timers: list[tuple[float, int, _Callback]] = []
        self._numbered = 0
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._processes: dict[Process, None] = {}
        self._failure: Exception | None = None
        self.steps = 0
        self.is_over = False

    def time(self) -> float:
        return self._now_s

    def skip(self, duration_s: float) -> None:
        """Let time pass for everybody at once, as when the machine sleeps."""
        self._now_s += duration_s

    def spawn(self, process: Process, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start work as a part of a process."""
        self._processes[process] = None
        context = copy_context()
        context.run(_process.set, process)
        return self.create_task(work, context=context)

    def after(self, steps: int, act: Callable[[], None]) -> None:
        """Act once so many more callbacks have run, whoever runs them."""
        self._numbered += 1
        heapq.heappush(self._later, (self.steps + steps, self._numbered, act))

    def heal(self) -> None:
        """Forget what was still to be done after some callbacks."""
        self._later.clear()

    def fail(self, failure: Exception) -> None:
        """End the history with a failure, which nobody can catch."""
        self._failure = self._failure or failure

    def thaw(self, process: Process) -> None:
        """Let a process go on that was frozen."""
        process.is_frozen = False
        self._ready += process.left
        process.left = []

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run until `main` returns. Raise StuckError."""
        asyncio._set_running_loop(_any(self))  # noqa: SLF001  # how a loop says that it runs
        try:
            task: asyncio.Task[T] = self.create_task(main)
            self._run_until_done(task)
            return task.result()
        finally:
            self._end()
            asyncio._set_running_loop(None)  # noqa: SLF001

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Callback:
        made = _Callback(callback, args, copy_context() if context is None else context)
        self._ready.append(made)
        return made

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Callback:
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Callback:
        made = _Callback(callback, args, copy_context() if context is None else context)
        self._numbered += 1
        heapq.heappush(self._timers, (when, self._numbered, made))
        return made

    def sleep(self, duration_s: float) -> Awaitable[None]:
        """Return what a task awaits to go on so much later, or to let others be chosen before it."""
        if not duration_s:
            return _PAUSE
        over: asyncio.Future[None] = self.create_future()
        self.call_later(duration_s, partial(settle, over, result=None))
        return over

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=_any(self))

    def create_task(
        self, coro: Any, *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        return asyncio.Task(coro, loop=_any(self), name=name, context=context)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Hear of tasks that nobody waited for: those of killed processes, whom nobody can ask."""

    def _run_until_done(self, task: asyncio.Task[Any]) -> None:
        """Run callbacks that are ready, each chosen by chance, until a task is done."""
        ready, draw = self._ready, self._draw
        while not task.done():
            if not ready:
                self._pass_time()
            place = int(draw() * len(ready))
            chosen, ready[place] = ready[place], ready[-1]
            ready.pop()
            if chosen.is_cancelled:
                continue
            if self._later or self.steps == MOST_STEPS:
                self._act()
            process = chosen.process
            if process.is_dead or process.is_frozen:
                process.left.append(chosen)
                continue
            self.steps += 1
            chosen.context.run(chosen.callback, *chosen.args)
            if self._failure:
                raise self._failure

    def _act(self) -> None:
        if self.steps == MOST_STEPS:
            raise StuckError(f"{MOST_STEPS} callbacks were run, and there is no end")
        while self._later and self._later[0][0] <= self.steps:
            heapq.heappop(self._later)[2]()

    def _pass_time(self) -> None:
        """Go on to the next timer, and make all ready that are due then."""
        timers = self._timers
        while timers and timers[0][2].is_cancelled:
            heapq.heappop(timers)
        if not timers:
            raise StuckError("everybody waits, and nothing will happen any more")
        self._now_s = max(self._now_s, timers[0][0])
        while timers and timers[0][0] <= self._now_s:
            self._ready.append(heapq.heappop(timers)[2])

    def _end(self) -> None:
        """Cancel whatever is left, of the living and of the dead, so that nothing runs after the history."""
        self.is_over = True
        tasks = asyncio.all_tasks(_any(self))
        for process in self._processes:
            process.is_dead = False
            self.thaw(process)
        for _ in range(10):
            for task in tasks:
                task.cancel()
            while self._ready:
                left = self._ready.pop()
                if not left.is_cancelled:
                    left.context.run(left.callback, *left.args)
            tasks = asyncio.all_tasks(_any(self))
            if not tasks:
                break


def settle(future: asyncio.Future[T], *, result: T) -> None:
    """Give a future its result, unless it has one, or nobody waits for it any more."""
    if not future.done():
        future.set_result(result)


def _any(loop: SeededLoop) -> Any:
    """Give it to asyncio, whose loops have many verbs that nobody calls here."""
    return loop
