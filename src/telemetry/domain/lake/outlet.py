"""What a compaction writes: objects of about a size, each durable before the next one is begun."""

from typing import NamedTuple

import numpy as np

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.columns import Columns
from telemetry.domain.lake import manifest
from telemetry.domain.lake.form import ROWS, Form, Writer
from telemetry.domain.lake.manifest import Content, Kind
from telemetry.domain.store.storage import Storage


class Extent(NamedTuple):
    """How many records a part of an object has, and the first and the last of their offsets."""

    records: int
    first: int
    last: int


class Outlet:
    """The objects of one kind of one revision; `extents` are those of all parts of `contents`."""

    def __init__(  # noqa: PLR0913, PLR0917  # where, what is in their names, how, and how large
        self, storage: Storage, hour: Hour, revision: int, kind: Kind, now_ms: int, form: Form, target: int
    ) -> None:
        self._storage = storage
        self._hour = hour
        self._name = revision, kind, now_ms
        self._form = form
        self._target = target
        self._writer: Writer | None = None
        self._first = self._last = ""
        self._parts: list[Extent] = []
        self.contents: list[Content] = []
        self.extents: list[Extent] = []

    async def add(self, columns: Columns) -> None:
        """Write records that come after those before in the order of identities."""
        for start in range(0, columns.size, ROWS):
            some = columns.take(np.arange(start, min(start + ROWS, columns.size)))
            if self._writer is None:
                self._writer = self._form.writer(self._hour)
                self._first = some.streams[some.stream[0]][0]
            self._writer.add(some)
            self._last = some.streams[some.stream[-1]][0]
            self._parts.append(Extent(some.size, int(some.offset.min()), int(some.offset.max())))
            if self._writer.size >= self._target:
                await self.close()

    async def close(self) -> None:
        """Make what was written durable."""
        if self._writer is None:
            return
        data, self._writer = self._writer.close(), None
        key = manifest.content_key(self._hour, *self._name, data, self._form.ending)
        records, digest = sum(part.records for part in self._parts), manifest.digest(data)
        made = Content(key, len(data), digest, records, self._first, self._last, len(self._parts))
        await self._storage.put(key, data)
        self.contents.append(made)
        self.extents += self._parts
        self._parts = []
