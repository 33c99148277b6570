"""Each role tells what it measured lately: a small file below `DATA_DIR/run`, written anew each second.

The file keeps its place on the disk, so that it can be written also when the disk is full.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, get_args

import msgspec

from telemetry.domain.clock import Clock
from telemetry.domain.watch.lately import Lately, Role, Tallies, Window
from telemetry.entrypoints.process import presence

FOLDER: Final = "run"

_log: Final = logging.getLogger(__name__)

_EVERY_S: Final = 1.0
_FRESH_S: Final = 10.0  # that a process may be late with its file before it counts as silent
_SIZE: Final = 4096  # bytes of a file, unless more is to be told

_decode: Final = msgspec.json.Decoder(Lately).decode


@asynccontextmanager
async def telling(
    role: Role, data_dir: Path, tally: Callable[[int], Tallies], clock: Clock, url: str = ""
) -> AsyncIterator[None]:
    """Tell what `tally` returns, once a second while the context lasts, and remove the file at its end.

    A role that may not write there goes on without telling: over SQS and S3 it needs no folder otherwise.
    """
    file = presence.own(data_dir / FOLDER, role)
    try:
        told = _open(file, role)
    except OSError as error:
        _log.warning("Nothing is told to telemetry status: %s", error)
        yield
        return
    going_on = asyncio.create_task(_tell(told, Window(role, url), tally, clock))
    try:
        yield
    finally:
        going_on.cancel()
        with suppress(asyncio.CancelledError):
            await going_on
        os.close(told)
        file.unlink(missing_ok=True)


def _open(file: Path, role: Role) -> int:
    """Make the file of this process, and forget those that were killed. Raise OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    list(presence.here(file.parent, role))
    return os.open(file, os.O_WRONLY | os.O_CREAT, 0o666)


def told(data_dir: Path, now_ms: int) -> Iterator[Lately]:
    """Yield what each process that shares the folder told within the last seconds."""
    folder = data_dir / FOLDER
    for role in get_args(Role):
        files = [file for _, file in presence.here(folder, role)]
        for file in (*files, *presence.elsewhere(folder, role)):
            lately = _read(file)
            if lately and abs(now_ms - lately.now.at_ms) <= _FRESH_S * 1000:
                yield lately


async def _tell(told: int, window: Window, tally: Callable[[int], Tallies], clock: Clock) -> None:
    while True:
        text = msgspec.json.encode(window.add(tally(clock.wall_ms()))).ljust(_SIZE)
        with suppress(OSError):  # who reads it sees that it is old
            await asyncio.to_thread(os.pwrite, told, text, 0)
        await asyncio.sleep(_EVERY_S)


def _read(file: Path) -> Lately | None:
    with suppress(OSError, msgspec.DecodeError):  # it ended, or tells for the first time
        return _decode(file.read_bytes())
    return None
