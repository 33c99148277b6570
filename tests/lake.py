"""Columns, records, and stores for the tests of what is compacted."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec
import numpy as np

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.lake.parquet import ParquetForm
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_path, start_ms
from telemetry.domain.contract.record import Record
from telemetry.domain.figures import columns, inputs, lines
from telemetry.domain.figures.columns import Columns
from telemetry.domain.figures.inputs import Inputs
from telemetry.domain.lake.compact import Compactor
from telemetry.domain.lake.follow import follow
from telemetry.domain.lake.forms import Forms
from telemetry.domain.lake.lines import LinesForm
from telemetry.domain.lake.revise import CompactTerms
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.lake.tidy import Retention, Tidier
from telemetry.domain.store import objects
from telemetry.domain.store.objects import DamagedObjectError, LineFaults
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError, Storage
from tests.builders import HOUR, NOW, identity, put_batch, some_records

FORMS = Forms(ParquetForm(), LinesForm())

GRACE_MS = 60_000
_ATTEMPTS = 500  # of a reader that begins again, until what it looks for is taken for lost
RETENTION = Retention(raw_ms=HOUR_MS, grace_ms=GRACE_MS)


def columns_of(made: Sequence[Record], hour: Hour = HOUR) -> Columns:
    """Make columns of records, in the order of their identities."""
    return columns.of_fields(
        [(each.vehicle_id, each.can_id) for each in made],
        columns.offsets_of(np.array([each.timestamp_ms for each in made], np.int64), hour),
        np.array([each.received_ms for each in made], np.int64),
        [each.payload for each in made],
    ).sort()


def records_of(found: Columns, hour: Hour = HOUR) -> list[Record]:
    """Make records of columns."""
    fields = zip(
        found.stream.tolist(), found.offset.tolist(), found.received.tolist(), found.payloads(), strict=True
    )
    return [
        Record(
            start_ms(hour) + offset,
            found.streams[stream][0],
            found.streams[stream][1],
            dict(payload),
            received,
        )
        for stream, offset, received, payload in fields
    ]


async def certify(storage: Storage, state: str = "complete", hour: Hour = HOUR) -> None:
    """Put figures that say of the hour that it is complete, and of which raw objects they are."""
    content = msgspec.json.encode({"certificate": {"state": state}})
    await storage.put(objects.aggregated_key(hour), content, overwrite=True)
    raw = {info.key: info.size for info in await storage.list(f"raw/{hour_path(hour)}/")}
    built_from = Inputs("", len(raw), raw, 0, 0, "")
    key = inputs.Name("0", len(content)).key(hour)
    await storage.put(key, inputs.encode(built_from), overwrite=True)


async def put_complete(storage: Storage, hour: Hour = HOUR) -> None:
    """Store a complete hour of six records in two objects, of the vehicles `a` and `b`."""
    for vehicle_id in ("a", "b"):
        await put_batch(storage, *some_records(3, NOW - (HOUR - hour) * HOUR_MS, vehicle_id=vehicle_id))
    await certify(storage, hour=hour)


def compactor_of(storage: Storage, clock: ManualClock, forms: Forms = FORMS, **terms: int) -> Compactor:
    return Compactor(Shelf(storage, forms), clock, terms=CompactTerms(grace_ms=GRACE_MS, **terms))


def tidier_of(storage: Storage, clock: ManualClock, retention: Retention = RETENTION) -> Tidier:
    return Tidier(Shelf(storage, FORMS), clock, retention)


async def read_hour(storage: Storage, hour: Hour = HOUR) -> list[Record]:
    """Read an hour as `manifest` says that a reader does."""
    for _ in range(_ATTEMPTS):
        with suppress(ObjectNotFoundError):
            return await _read_once(storage, hour)
    return await _read_once(storage, hour)


async def _read_once(storage: Storage, hour: Hour) -> list[Record]:
    reading = await follow(storage, hour)
    found = []
    for content in reading.contents:
        for part in FORMS.read(content.key, await storage.get(content.key), hour):
            found += records_of(part, hour)
    for info in reading.raw:
        data = await storage.get(info.key)
        with suppress(DamagedObjectError):
            content_of = objects.decode_content(info.key, data)
            found += records_of(lines.read(content_of, hour, LineFaults()), hour)
    if not reading.raw:
        assert len({identity(each) for each in found}) == len(found)  # promised unique
    counted: dict[tuple[str, str, int], Record] = {}
    for record in found:
        known = counted.setdefault(identity(record), record)
        if record.received_ms < known.received_ms:
            counted[identity(record)] = record
    return sorted(counted.values(), key=identity)


class ChangingStorage(MemoryStorage):
    """A store in which something happens just before manifests are listed, each time something else."""

    def __init__(self, *changes: "Callable[[ChangingStorage], Awaitable[None]]") -> None:
        super().__init__(ManualClock(NOW))
        self.changes = list(changes)

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        if prefix.startswith("compacted/") and self.changes:
            await self.changes.pop(0)(self)
        return await super().list(prefix)


def replacing(number: int) -> Callable[[ChangingStorage], Awaitable[None]]:
    """Put a raw object in the place of all others, as when a vehicle is erased from them."""

    async def change(storage: ChangingStorage) -> None:
        key = await put_batch(storage, *some_records(1), now=NOW + number)
        for info in await storage.list("raw/"):
            if info.key != key:
                await storage.delete(info.key)

    return change


class KilledError(BaseException):
    """What ends a process in the middle of a step."""


class WatchedStorage(MemoryStorage):
    """A store that is looked at after each change, and that kills who makes one change too many."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.look: Callable[[], Awaitable[None]] | None = None
        self.left: int | None = None
        self.changes: Counter[str] = Counter()

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        self._spend()
        await super().put(key, data, overwrite=overwrite)
        await self._changed(f"put {_kind(key)}")

    async def delete(self, key: str) -> None:
        self._spend()
        await super().delete(key)
        await self._changed(f"delete {_kind(key)}")

    def _spend(self) -> None:
        if self.left is not None:
            if not self.left:
                raise KilledError
            self.left -= 1

    async def _changed(self, what: str) -> None:
        self.changes[what] += 1
        if self.look:
            await self.look()


class SlowStorage(MemoryStorage):
    """A store whose verbs let others run before they act, as often as a seed says."""

    def __init__(self, clock: ManualClock, seed: int) -> None:
        super().__init__(clock)
        self._draw = random.Random(seed)

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        await self._wait()
        await super().put(key, data, overwrite=overwrite)

    async def get(self, key: str) -> bytes:
        await self._wait()
        return await super().get(key)

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        await self._wait()
        return await super().list(prefix)

    async def delete(self, key: str) -> None:
        await self._wait()
        await super().delete(key)

    async def _wait(self) -> None:
        for _ in range(self._draw.randrange(4)):
            await asyncio.sleep(0)


def _kind(key: str) -> str:
    tree, _, rest = key.partition("/")
    name = rest.rpartition("/")[2].lstrip("_").partition("-")[0]
    return tree if tree == "raw" else name
