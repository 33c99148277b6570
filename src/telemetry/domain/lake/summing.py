"""What all records of a compaction add up to, for those who compute figures: see `figures.summed`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures import copies, summed
from telemetry.domain.figures.columns import Columns
from telemetry.domain.figures.coverage import StreamCoverage
from telemetry.domain.figures.moved import PIECE, Summed
from telemetry.domain.figures.partial import Partial
from telemetry.domain.figures.rollup import covered
from telemetry.domain.figures.state import State
from telemetry.domain.lake import manifest
from telemetry.domain.lake.manifest import Content
from telemetry.domain.lake.outlet import Extent
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo, Storage


class Summing:
    """Adds up records of one hour that is over; a stream has `names` signals at the most."""

    def __init__(self, hour: Hour, names: int) -> None:
        self._hour = hour
        self._names = names
        self._parts: list[Partial] = []
        self._coverage: dict[str, Mapping[str, StreamCoverage]] = {}

    def add(self, columns: Columns) -> None:
        """Take all records of some vehicles, copies too, in the order of their identities."""
        found = copies.unique(columns)
        partial = Partial.of(found, self._names)
        self._parts.append(partial)
        self._coverage |= covered(self._hour, found.records, partial)

    def state(self, contents: Sequence[Content], extents: Iterable[Extent]) -> State:
        """Return what was added, as what the pieces of these objects add up to."""
        runs = [
            summed.run_of(self._hour, piece, *extent)
            for piece, extent in zip(pieces(contents), extents, strict=True)
        ]
        return State(runs, Partial.merge(self._parts, self._names), self._coverage)

    async def put(self, storage: Storage, revision: int, now_ms: int, made: State) -> Summed:
        """Make what was added durable."""
        data = summed.encode(made)
        key = manifest.content_key(self._hour, revision, "_sums", now_ms, data, ".zst")
        await storage.put(key, data)
        return Summed(key, len(data), objects.digest(data), summed.VERSION, self._names)


def pieces(contents: Iterable[Content]) -> Iterator[ObjectInfo]:
    """Name the pieces of objects, each of which can be read by itself."""
    for content in contents:
        for number in range(content.parts):
            yield ObjectInfo(f"{content.key}{PIECE}{number}", content.size, 0)
