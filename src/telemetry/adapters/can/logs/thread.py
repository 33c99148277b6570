"""Iteration in a thread: what blocks where it reads does not hold up the event loop."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple, TypeVar

Item = TypeVar("Item")

_AHEAD: Final = 2  # items that are made before they are asked for


class _End(NamedTuple):
    error: BaseException | None


async def in_thread(make: Callable[[], Iterator[Item]]) -> AsyncGenerator[Item]:
    """Yield what the iterator that `make` makes yields, or raise what it raises.

    Once nobody asks any more, it is left after its next item. A thread that then still waits for one does not
    keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    made: asyncio.Queue[Item | _End] = asyncio.Queue()
    room, is_left = threading.Semaphore(_AHEAD), threading.Event()

    def put(item: Item | _End) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody asks
            loop.call_soon_threadsafe(made.put_nowait, item)

    def run() -> None:
        try:
            for item in make():
                room.acquire()
                if is_left.is_set():
                    return
                put(item)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the one who asks gets it
            put(_End(error))
        else:
            put(_End(None))

    threading.Thread(target=run, daemon=True, name="reading").start()
    try:
        while not isinstance(item := await made.get(), _End):
            room.release()
            yield item
        if item.error:
            raise item.error
    finally:
        is_left.set()
        room.release()
