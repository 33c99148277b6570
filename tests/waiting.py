"""How tests wait for what others do in the same event loop."""

import asyncio
from collections.abc import Callable


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    """Return once a condition holds; raise TimeoutError if it does not within half a minute."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)
