"""What a compaction takes up: raw objects, and the objects of the manifest before.

Each is read once. What is damaged, or has a damaged line, is left where it is.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.errors import OutOfReachError, TelemetryError
from telemetry.domain.figures import lines
from telemetry.domain.figures.columns import Columns
from telemetry.domain.lake import fingerprint, manifest
from telemetry.domain.lake.fingerprint import Sum
from telemetry.domain.lake.manifest import Content, Input
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.lake.spill import Spill
from telemetry.domain.store import objects
from telemetry.domain.store.objects import DamagedObjectError, LineFaults
from telemetry.domain.store.storage import ObjectInfo
from telemetry.domain.together import Together

_AT_ONCE: Final = 32  # objects that are read together


class _Read(NamedTuple):
    columns: Columns
    read: Input


class Intake:
    """Records of one hour, which go into `spill`.

    `inputs` are the raw objects that were taken up, and `left` says why others were not. `payloads` is what
    all records add up to, and `bounds` are the first and the last offset.
    """

    def __init__(self, shelf: Shelf, together: Together, hour: Hour, spill: Spill) -> None:
        self._shelf = shelf
        self._together = together
        self._hour = hour
        self._spill = spill
        self.inputs: dict[str, Input] = {}
        self.left: list[DamagedObjectError] = []
        self.payloads = Sum()
        self.bounds = HOUR_MS, 0

    async def take(self, raw: Sequence[ObjectInfo], contents: Sequence[Content]) -> None:
        """Read everything. Raise DamagedObjectError if an object of the manifest cannot be read."""
        for content in contents:
            async for columns in self._shelf.content(content, self._hour):
                self._add(columns)
        for start in range(0, len(raw), _AT_ONCE):
            some = raw[start : start + _AT_ONCE]
            found = await self._together([partial(self._read, info) for info in some])
            for info, each in zip(some, found, strict=True):
                self._take(info, each)

    async def _read(self, info: ObjectInfo) -> _Read:
        data = await self._shelf.storage.get(info.key)
        faults = LineFaults()
        columns = lines.read(objects.decode_content(info.key, data), self._hour, faults)
        for error in faults.damage(info.key):
            raise error
        return _Read(columns, Input(len(data), manifest.digest(data)))

    def _take(self, info: ObjectInfo, found: _Read | TelemetryError) -> None:
        if isinstance(found, OutOfReachError):
            raise found
        if isinstance(found, TelemetryError):
            self.left.append(objects.unread(info.key, found))
            return
        self.inputs[info.key] = found.read
        self._add(found.columns)

    def _add(self, columns: Columns) -> None:
        if columns.size:
            self.payloads += fingerprint.of_records(columns)
            first, last = self.bounds
            self.bounds = min(int(columns.offset.min()), first), max(int(columns.offset.max()), last)
            self._spill.add(columns)
