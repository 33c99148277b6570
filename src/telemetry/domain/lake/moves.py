"""What manifests say of raw objects, for those who compute figures: see `figures.moved`."""

from collections.abc import Iterator

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.columns import Columns
from telemetry.domain.figures.moved import PIECE, Moved
from telemetry.domain.lake.follow import current
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.store.storage import ObjectInfo


class ManifestMoves:
    """The manifests of a store; it can be pickled if the store can."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def of(self, hour: Hour) -> Moved | None:
        found, _ = await current(self._shelf.storage, hour)
        if found is None:
            return None
        pieces = [
            ObjectInfo(f"{content.key}{PIECE}{number}", content.size, 0)
            for content in found.contents
            for number in range(content.parts)
        ]
        return Moved({key: each.size for key, each in found.inputs.items()}, pieces)

    def read(self, key: str, data: bytes, hour: Hour, only: int | None = None) -> Iterator[Columns]:
        return self._shelf.forms.read(key, data, hour, only)
