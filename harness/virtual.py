"""Virtual time: an event loop that moves its clock on where another would wait."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Final, TypeVar, TypeVarTuple

R = TypeVar("R")
Ts = TypeVarTuple("Ts")

START_MS: Final = 1_760_877_000_000
"""2025-10-19T12:30:00Z, in epoch milliseconds: when virtual time begins."""


class _Selector(selectors.SelectSelector):
    """Moves the time of its loop on in place of waiting."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will happen any more")
        self.now_s += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose seconds take no time."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], R], *args: *Ts
    ) -> asyncio.Future[R]:
        """Do at once what others would do in a thread, which would take real time."""
        del executor
        outcome: asyncio.Future[R] = self.create_future()
        try:
            outcome.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # whoever awaits it gets it
            outcome.set_exception(error)
        return outcome


class VirtualClock:
    """The clock of the loop that runs."""

    def wall_ms(self) -> int:
        return START_MS + round(self.monotonic_s() * 1000)

    def monotonic_s(self) -> float:
        return asyncio.get_running_loop().time()


def run(main: Callable[[], Awaitable[R]]) -> R:
    """Run `main` in virtual time."""

    async def awaited() -> R:
        return await main()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(awaited())
