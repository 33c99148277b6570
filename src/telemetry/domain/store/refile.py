"""Use-case: look at the records in `skewed/`, and judge again whether their clocks can be believed.

A record lies there because its timestamp was too far from its receipt. If it was the receiver's clock that
was wrong, or if the bounds were too narrow, it belongs to an hour after all. An object is filed again in
steps:

1. The records that are believed now are put into the hours of their timestamps. The names of these objects
   come from the moment in the name of the old one, so that doing it twice writes the same.
2. The lines that stay are put as an object of their own, if there are any.
3. The hours that changed are noted, those of the receipt too (`notes`).
4. The old object is removed.

So whenever this is killed, nothing is lost, and doing it again completes it. Until then some records lie in
both trees.
"""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec
import numpy as np

from telemetry.domain.contract import codec, partition
from telemetry.domain.contract.moment import Hour, Span
from telemetry.domain.contract.partition import Partition, PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.store import notes, objects
from telemetry.domain.store.objects import DamagedObjectError, LineFaults, RawFormat
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError, Storage

_SKEWED: Final = "skewed/"
_MOMENT: Final = re.compile(r"/batch-(\d{1,15})-[^/]*\Z", re.ASCII)


class SkewedHour(msgspec.Struct, frozen=True):
    """The skewed records received in an hour; an offset is that of a timestamp from its receipt."""

    hour: Hour
    records: int
    vehicles: int
    median_offset_s: float
    damage: Sequence[DamagedObjectError]


class Refiled(msgspec.Struct, frozen=True):
    """What became of the skewed records of an object: filed in other hours, or left where they were."""

    key: str
    filed: int
    left: int
    hours: frozenset[Hour]
    damage: Sequence[DamagedObjectError]


class _Judged(msgspec.Struct, frozen=True):
    """The lines of an object: records that are believed, by partition, and what stays as it is."""

    believed: Mapping[Partition, Sequence[Record]]
    left: Sequence[bytes]
    damage: Sequence[DamagedObjectError] = ()


class SkewedTree:
    """The tree `skewed/` of a store."""

    def __init__(self, storage: Storage, policy: PartitionPolicy, raw_format: RawFormat = "jsonl") -> None:
        self._storage = storage
        self._policy = policy
        self._raw_format = raw_format

    async def hours(self, span: Span) -> AsyncIterator[SkewedHour]:
        """Yield the hours of receipt that have skewed records."""
        for hour, infos in (await self._listed(span)).items():
            vehicles: set[str] = set()
            offsets: list[int] = []
            damage: list[DamagedObjectError] = []
            for info in infos:
                lines, faults = await self._lines(info, damage), LineFaults()
                for _, record in objects.decode_records(lines, faults):
                    vehicles.add(record.vehicle_id)
                    offsets.append(record.timestamp_ms - record.received_ms)
                damage += faults.damage(info.key)
            median_s = float(np.median(offsets)) / 1000 if offsets else 0.0
            yield SkewedHour(hour, len(offsets), len(vehicles), median_s, damage)

    async def refile(self, span: Span, received_offset_ms: int, now_ms: int) -> AsyncIterator[Refiled]:
        """Judge the records received in these hours again, as if received so much later.

        Yield what became of each object. A filed record has the time of receipt that it was judged by.
        """
        for infos in (await self._listed(span)).values():
            for info in infos:
                damage: list[DamagedObjectError] = []
                lines = await self._lines(info, damage)
                judged = self._judge(info, lines, received_offset_ms)
                if judged.believed:
                    await self._move(info, judged, now_ms)
                yield Refiled(
                    key=info.key,
                    filed=sum(map(len, judged.believed.values())),
                    left=len(judged.left),
                    hours=frozenset(place.hour for place in judged.believed),
                    damage=[*damage, *judged.damage],
                )

    def _judge(self, info: ObjectInfo, lines: Sequence[bytes], received_offset_ms: int) -> _Judged:
        believed: defaultdict[Partition, list[Record]] = defaultdict(list)
        faults, stays = LineFaults(), dict(enumerate(lines, start=1))
        for number, record in objects.decode_records(lines, faults):
            again = msgspec.structs.replace(record, received_ms=record.received_ms + received_offset_ms)
            place = self._policy.place(again)
            if place.tree == "raw":
                believed[place].append(again)
                del stays[number]
        return _Judged(believed, list(stays.values()), list(faults.damage(info.key)))

    async def _move(self, info: ObjectInfo, judged: _Judged, now_ms: int) -> None:
        """Take the steps above for one object."""
        match = _MOMENT.search(info.key)
        moment_ms = int(match[1]) if match else info.stored_ms
        keys = [info.key]
        for place, records in judged.believed.items():
            keys.append(await self._put(place, moment_ms, codec.encode_lines(records)))
        if judged.left:
            place = partition.parse_path(info.key)
            await self._put(place, moment_ms, b"".join(line + b"\n" for line in judged.left))
        for key, content in notes.of(keys, now_ms):
            await self._storage.put(key, content)
        await self._storage.delete(info.key)

    async def _put(self, place: Partition, moment_ms: int, lines: bytes) -> str:
        key = objects.batch_key(place, moment_ms, lines, self._raw_format)
        await self._storage.put(key, objects.encode_object(key, lines))
        return key

    async def _listed(self, span: Span) -> Mapping[Hour, Sequence[ObjectInfo]]:
        listed: defaultdict[Hour, list[ObjectInfo]] = defaultdict(list)
        for info in await self._storage.list(_SKEWED):
            with suppress(ValueError):  # what others put there
                if (hour := partition.parse_path(info.key).hour) in span:
                    listed[hour].append(info)
        return listed

    async def _lines(self, info: ObjectInfo, damage: list[DamagedObjectError]) -> Sequence[bytes]:
        try:
            return objects.decode_object(info.key, await self._storage.get(info.key))
        except DamagedObjectError as error:
            damage.append(error)
        except ObjectNotFoundError:  # another refiling was faster
            pass
        return ()
