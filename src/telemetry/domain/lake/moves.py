"""What manifests say of raw objects, for those who compute figures: see `figures.moved`."""

from collections.abc import Iterator

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.columns import Columns
from telemetry.domain.figures.moved import Moved
from telemetry.domain.lake.follow import current
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.lake.summing import pieces


class ManifestMoves:
    """The manifests of a store; it can be pickled if the store can."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def of(self, hour: Hour) -> Moved | None:
        found, _ = await current(self._shelf.storage, hour)
        if found is None:
            return None
        inputs = {key: each.size for key, each in found.inputs.items()}
        return Moved(inputs, list(pieces(found.contents)), found.sums)

    def read(self, key: str, data: bytes, hour: Hour, only: int | None = None) -> Iterator[Columns]:
        return self._shelf.forms.read(key, data, hour, only)
