"""Virtual time: an event loop that moves its clock on where another would wait."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

R = TypeVar("R")

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
