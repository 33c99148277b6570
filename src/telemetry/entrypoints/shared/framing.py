"""What `telemetry replay` reads: logs and buses one after another, and the definitions of their frames."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from telemetry.domain.can.frame import UnreadableError
from telemetry.domain.can.measured import Block
from telemetry.domain.can.source import Source
from telemetry.entrypoints.process import extras, screen

if TYPE_CHECKING:
    from telemetry.adapters.can.definitions import Definitions  # which is there only with the extra


class Logs:
    """Sources that are read one after another; `left_out` says which files of a folder are no logs."""

    def __init__(self, sources: Sequence[Source], left_out: Sequence[str]) -> None:
        self.sources = sources
        self.left_out = left_out

    @property
    def name(self) -> str:
        return ", ".join(source.name for source in self.sources)

    @property
    def is_repeatable(self) -> bool:
        return all(source.is_repeatable for source in self.sources)

    @property
    def is_live(self) -> bool:
        """Whether its times are those of this moment."""
        return any(source.is_live for source in self.sources)

    async def blocks(self, stopping: asyncio.Event, what: str) -> AsyncIterator[Block]:
        """Yield the frames of all, until told to stop, and show how far they are read."""
        sizes = [source.size for source in self.sources]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        with screen.progress() as progress:
            bar = progress.add_task(what, total=total, note="")
            for source in self.sources:
                async with aclosing(source.blocks()) as blocks:
                    while (frames := await _next(blocks, stopping)) is not None:
                        yield frames
                        done = sum(each.position for each in self.sources)
                        progress.update(bar, completed=done, note=f"{screen.counted(self.read, 'frame')}")
                if stopping.is_set():
                    return

    @property
    def read(self) -> int:
        return sum(source.tally.frames for source in self.sources)


async def _next(blocks: AsyncIterator[Block], stopping: asyncio.Event) -> Block | None:
    """Return the next frames, None at the end or once told to stop."""
    asked = asyncio.ensure_future(_await(anext(blocks, None)))
    stop = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({asked, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if asked.done():
        return asked.result()
    asked.cancel()
    with suppress(asyncio.CancelledError):
        await asked
    return None


async def _await(frames: Awaitable[Block | None]) -> Block | None:
    return await frames


def open_logs(names: Sequence[str], zone: str | None) -> Logs:
    """Open what is named; `zone` is that of times without one, if it is not this machine's.

    Raise UnreadableError or OSError if one cannot be read as a log.

    Raise MissingExtraError if what reads logs is not installed.
    """
    with extras.needed("can"):
        from telemetry.adapters.can.logs import inputs  # noqa: PLC0415  # an extra, which need not be there
    sources, left_out = inputs.expand(names, ZoneInfo(zone) if zone else None)
    for source in sources:
        if len(sources) > 1 and not source.is_dated:
            raise UnreadableError(
                f"{source.name}: it has no date, so that its times do not fit those of other logs; replay it alone"
            )
    return Logs(sources, left_out)


def open_definitions(names: Sequence[str]) -> "Definitions":
    """Read definitions. Raise UnreadableError, OSError or MissingExtraError."""
    with extras.needed("can"):
        from telemetry.adapters.can.definitions import Definitions  # noqa: PLC0415  # as above
    return Definitions(names)
