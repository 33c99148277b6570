"""Opens what a role needs, and closes it when the role ends."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol


class Closeable(Protocol):
    """What holds files or connections open."""

    async def close(self) -> None:
        """Close them; closing twice does no harm."""
        ...


@asynccontextmanager
async def opened(*makers: Callable[[], Closeable]) -> AsyncIterator[None]:
    """Make things in their order, and close all in the opposite one, even if one cannot be closed."""
    async with AsyncExitStack() as stack:
        for make in makers:
            stack.push_async_callback(make().close)
        yield
