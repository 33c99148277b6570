"""What the pieces of an hour add up to, kept as an object beside them: figures need no record then.

It is a state as the cache has them, compressed. It names the pieces, so that records that come later are
added to it as to any state. Whoever cannot use it reads the pieces.
"""

from contextlib import suppress
from typing import Final

from telemetry.domain.contract import compression
from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures import packed, runs, state
from telemetry.domain.figures.moved import Summed
from telemetry.domain.figures.sources import source_of
from telemetry.domain.figures.state import RunInfo, State
from telemetry.domain.store import objects
from telemetry.domain.store.objects import LineFaults
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError, Storage

VERSION: Final = packed.VERSION

_LEVEL: Final = 9
_LARGEST: Final = 2_000_000_000  # bytes: a vehicle takes some 700


def run_of(hour: Hour, piece: ObjectInfo, records: int, first: int, last: int) -> RunInfo:
    """Describe a piece as the run that it becomes if its records are needed."""
    name = source_of(piece).name
    return RunInfo(runs.name_of(hour, [name]), {name: LineFaults()}, records, first, last)


def encode(made: State) -> bytes:
    """Write what pieces add up to."""
    return compression.compress(state.pack(made), _LEVEL)


def decode(data: bytes) -> State:
    """Read what `encode` wrote. Raise ValueError."""
    return state.unpack(memoryview(compression.decompress(data, "zstd", _LARGEST)))


async def read(storage: Storage, summed: Summed) -> State | None:
    """Return what pieces add up to; None if it is gone, damaged, or in the form of another version."""
    if summed.version != VERSION:
        return None
    with suppress(ObjectNotFoundError, ValueError):
        data = await storage.get(summed.key)
        if objects.digest(data) == summed.digest:
            return decode(data)
    return None
