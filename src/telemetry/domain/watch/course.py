"""One vehicle's hour, as its raw objects have it: the course of each of its signals.

Figures have one value an hour, so that a chart needs the records. How much is read for it is bounded: of an
hour with more objects than `MOST_OBJECTS`, or more bytes than `MOST_BYTES`, those that lie evenly between the
first and the last. The answer says how many records were found, beside how many the figures count.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Final, Literal

import msgspec

from telemetry.domain.contract import codec, partition
from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_of, hour_path, start_ms
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.contract.signals import KNOWN
from telemetry.domain.errors import TelemetryError
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo
from telemetry.domain.together import Together, one_by_one
from telemetry.domain.watch.overdue import Store

MOST_OBJECTS: Final = 2_000
MOST_BYTES: Final = 64_000_000
"""Objects and bytes of objects that are read for one course."""

MOST_PANELS: Final = 8
"""Signals, or pairs of them, of which the course is told."""

_AT_ONCE: Final = 64  # objects that are held in memory together
_LEAST_S, _MOST_S = 5, 300  # of a step
_ENDS: Final = {"_min": min, "_max": max}

Values = Sequence[float | None]


class Series(msgspec.Struct, frozen=True):
    """One signal: a value a step, None where no record has one."""

    name: str
    values: Values


class Panel(msgspec.Struct, frozen=True):
    """What is drawn together: one signal, or a lowest and a highest one."""

    title: str
    unit: str
    series: Sequence[Series]


class Course(msgspec.Struct, frozen=True):
    """The course of one vehicle's signals over an hour.

    Step i begins `times[i]`, in epoch seconds, and is `step_s` long. `read` of `listed` objects were read.
    `left_out` counts signals beyond `MOST_PANELS`.
    """

    records: int
    read: int
    listed: int
    step_s: int
    times: Sequence[int]
    panels: Sequence[Panel]
    left_out: int


class Courses:
    """Reads the courses of vehicles from one store."""

    def __init__(self, storage: Store, policy: PartitionPolicy, together: Together = one_by_one) -> None:
        self._storage = storage
        self._policy = policy
        self._together = together

    async def read(self, vehicle_id: str, hour: Hour) -> Course:
        """Read one vehicle's hour. Raise the TelemetryError that the store gave."""
        listed = await self._storage.list(f"raw/{hour_path(hour)}/")
        bucket = self._bucket(vehicle_id, hour)
        listed = [info for info in listed if _bucket_of(info) in {None, bucket}]
        chosen = sample(listed)
        records: dict[tuple[str, int], Record] = {}
        for start in range(0, len(chosen), _AT_ONCE):
            for record in await self._records(chosen[start : start + _AT_ONCE], vehicle_id):
                if hour_of(record.timestamp_ms) == hour:
                    identity = record.can_id, record.timestamp_ms
                    known = records.get(identity)
                    if known is None or record.received_ms < known.received_ms:
                        records[identity] = record
        return of(list(records.values()), hour, len(chosen), len(listed))

    async def _records(self, infos: Sequence[ObjectInfo], vehicle_id: str) -> Sequence[Record]:
        contents = await self._together([partial(self._storage.get, info.key) for info in infos])
        found: list[Record] = []
        for info, content in zip(infos, contents, strict=True):
            if isinstance(content, TelemetryError):
                if isinstance(content, LookupError):  # it was removed after it was listed
                    continue
                raise content
            found += _of_vehicle(info.key, content, vehicle_id)
        return found

    def _bucket(self, vehicle_id: str, hour: Hour) -> int | None:
        at_ms = start_ms(hour)
        return self._policy.place(Record(at_ms, vehicle_id, "0x0", {}, at_ms)).bucket


def sample(listed: Sequence[ObjectInfo]) -> Sequence[ObjectInfo]:
    """Choose objects that lie evenly in a listing, as many as may be read."""
    size = sum(info.size for info in listed)
    share = min(1.0, MOST_OBJECTS / max(len(listed), 1), MOST_BYTES / max(size, 1))
    count = math.ceil(len(listed) * share)
    return [listed[place * len(listed) // count] for place in range(count)]


def of(records: Sequence[Record], hour: Hour, read: int, listed: int) -> Course:
    """Make the course of one vehicle's records, each there once."""
    moments = sorted({record.timestamp_ms for record in records})
    step_s = _step_s(moments)
    steps = math.ceil(HOUR_MS / 1000 / step_s)
    values: defaultdict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        place = (record.timestamp_ms - start_ms(hour)) // (step_s * 1000)
        for name, value in record.payload.items():
            values[name][place].append(value)
    titles = _titles(values)
    return Course(
        records=len(records),
        read=read,
        listed=listed,
        step_s=step_s,
        times=[start_ms(hour) // 1000 + place * step_s for place in range(steps)] if records else [],
        panels=[_panel(title, names, values, steps) for title, names in titles[:MOST_PANELS]],
        left_out=sum(len(names) for _, names in titles[MOST_PANELS:]),
    )


def _step_s(moments: Sequence[int]) -> int:
    """Return the seconds of a step: a little more than lie between two records, so that none is empty."""
    between_ms = median([b - a for a, b in pairwise(moments)] or [0])
    return min(max(math.ceil(between_ms * 1.05 / 1000), _LEAST_S), _MOST_S)


def _titles(values: Iterable[str]) -> Sequence[tuple[str, Sequence[str]]]:
    """Group the names of signals; the known ones come first, in their order."""
    order = {name: place for place, name in enumerate(KNOWN)}
    titles: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(values, key=lambda name: (order.get(name, len(order)), name)):
        titles[name[:-4] if name.endswith(tuple(_ENDS)) else name].append(name)
    return list(titles.items())


def _panel(
    title: str, names: Sequence[str], values: Mapping[str, Mapping[int, Sequence[float]]], steps: int
) -> Panel:
    known = KNOWN.get(names[0])
    series = [Series(name, _values(name, values[name], steps)) for name in names]
    return Panel(title.replace("_", " "), known.unit if known else "", series)


def _values(name: str, by_place: Mapping[int, Sequence[float]], steps: int) -> Values:
    """Return a value a step: of lowest signals the lowest, of highest ones the highest, else the mean."""
    one_of = _ENDS.get(name[-4:], _mean)
    return [one_of(by_place[place]) if place in by_place else None for place in range(steps)]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(value / len(values) for value in values)


def _of_vehicle(key: str, content: bytes, vehicle_id: str) -> Iterator[Record]:
    """Yield the records of one vehicle in an object; what is damaged has been counted in the figures."""
    try:
        lines = objects.decode_content(key, content)
    except objects.DamagedObjectError:
        return
    quoted = f'"{vehicle_id}"'.encode()
    place = lines.find(quoted)
    while place >= 0:
        end = lines.find(b"\n", place)
        end = len(lines) if end < 0 else end
        try:
            record = codec.decode_line(lines[lines.rfind(b"\n", 0, place) + 1 : end])
        except ValueError:
            record = None
        if record and record.vehicle_id == vehicle_id:
            yield record
        place = lines.find(quoted, end)


def _bucket_of(info: ObjectInfo) -> int | Literal["none"] | None:
    try:
        return partition.parse_path(info.key).bucket
    except ValueError:  # what others put there
        return "none"
