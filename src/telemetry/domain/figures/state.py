"""What the objects of an hour add up to, and in which runs their records are kept, as bytes."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from telemetry.domain.figures import packed
from telemetry.domain.figures.columns import Stream
from telemetry.domain.figures.coverage import StreamCoverage
from telemetry.domain.figures.entries import Entries
from telemetry.domain.figures.packed import Packed
from telemetry.domain.figures.partial import BY_STREAM, Partial
from telemetry.domain.figures.sums import Sums
from telemetry.domain.store.objects import LineFaults


class RunInfo(msgspec.Struct, frozen=True, array_like=True):
    """A run by its name in the cache: its objects with their damaged lines, its size, and its time.

    `first` and `last` are offsets of records.
    """

    name: str
    objects: Mapping[str, LineFaults]
    records: int
    first: int
    last: int


class State(msgspec.Struct, frozen=True):
    """What the objects of an hour, or of a bucket of it, add up to.

    `coverage` lacks the vehicles whose streams have not been measured.
    """

    runs: Sequence[RunInfo]
    partial: Partial
    coverage: Mapping[str, Mapping[str, StreamCoverage]]

    @property
    def objects(self) -> Mapping[str, LineFaults]:
        """Return the damaged lines of each object, by its name."""
        return {name: faults for run in self.runs for name, faults in run.objects.items()}


class _Rest(msgspec.Struct, frozen=True, array_like=True):
    runs: list[RunInfo]
    streams: list[Stream]
    names: list[str]
    lowest: int
    coverage: dict[str, dict[str, StreamCoverage]]


_rest: Final = msgspec.msgpack.Decoder(_Rest).decode
NOTHING: Final = State((), Partial.nothing(), {})


def pack(state: State) -> bytes:
    """Write a state."""
    partial, entries = state.partial, state.partial.entries
    rest = _Rest(
        list(state.runs),
        list(partial.streams),
        list(partial.names),
        entries.sums.lowest,
        {vehicle_id: dict(streams) for vehicle_id, streams in state.coverage.items()},
    )
    arrays = [getattr(partial, field) for field in BY_STREAM]
    arrays += [entries.stream, entries.name, entries.count, entries.low, entries.high, entries.sums.limbs]
    return packed.pack(rest, arrays)


def unpack(data: memoryview) -> State:
    """Read what `pack` wrote. Raise DamagedError."""
    found = Packed(data)
    rest = _rest(found.rest)
    arrays = [found.array(number) for number in range(len(BY_STREAM) + 6)]
    by_stream = dict(zip(BY_STREAM, arrays, strict=False))
    stream, name, count, low, high, limbs = arrays[len(BY_STREAM) :]
    entries = Entries(stream, name, count, low, high, Sums(limbs, rest.lowest))
    partial = Partial(streams=rest.streams, names=rest.names, entries=entries, **by_stream)
    return State(rest.runs, partial, rest.coverage)
