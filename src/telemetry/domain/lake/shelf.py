"""Where compacted objects are, and how they are read."""

from collections.abc import AsyncIterator

import msgspec

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.columns import Columns
from telemetry.domain.lake import manifest
from telemetry.domain.lake.forms import Forms
from telemetry.domain.lake.manifest import Content
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.storage import Storage


class Shelf(msgspec.Struct, frozen=True):
    """A store, and the forms of what is in it."""

    storage: Storage
    forms: Forms

    async def content(self, content: Content, hour: Hour) -> AsyncIterator[Columns]:
        """Yield the records of an object. Raise DamagedObjectError if it is not what its manifest says."""
        data = await self.storage.get(content.key)
        if manifest.digest(data) != content.digest:
            raise DamagedObjectError(content.key, "it is not what its manifest says")
        for columns in self.forms.read(content.key, data, hour):
            yield columns
