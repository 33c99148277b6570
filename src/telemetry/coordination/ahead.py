"""Steps that are taken in order, while what the next ones need is being prepared."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def ahead(
    items: Iterable[T], prepare: Callable[[T], Awaitable[None]], at_once: int
) -> AsyncGenerator[T, None]:
    """Yield items in their order, each once it has been prepared; up to `at_once` are prepared together.

    Nothing is prepared if that is one at a time, because nothing would be gained.
    What `prepare` raises is raised. Whoever stops early has to close the iterator, which cancels the rest.
    """
    if at_once < 2:  # noqa: PLR2004
        for item in items:
            yield item
        return
    started: deque[tuple[T, asyncio.Future[None]]] = deque()
    try:
        for item in items:
            started.append((item, asyncio.ensure_future(prepare(item))))
            if len(started) == at_once:
                yield await _first(started)
        while started:
            yield await _first(started)
    finally:
        for _, task in started:
            task.cancel()
        await asyncio.gather(*(task for _, task in started), return_exceptions=True)


async def _first(started: deque[tuple[T, asyncio.Future[None]]]) -> T:
    item, task = started[0]
    await task
    started.popleft()
    return item
