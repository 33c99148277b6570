"""Whether all figures are exact: compared with a model that reads every line once, and is naive.

What counts, and all arithmetic, is the model's own: a sum is exact, and rounded once. Shared with the product
is what opens an object and finds out whether it is damaged, the keys, and the types of the figures. What it
writes about how whole streams are is not compared.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from telemetry.domain.contract.moment import Hour, format_hour
from telemetry.domain.contract.partition import parse_path
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures import hour as hours
from telemetry.domain.figures.hour import Aggregated
from telemetry.domain.figures.rollup import SignalFigures, VehicleFigures
from telemetry.domain.store import objects
from telemetry.domain.store.storage import Storage

Identity = tuple[str, str, str]
"""Vehicle, CAN id and timestamp."""


class _Line(msgspec.Struct, frozen=True):
    vehicle_id: str
    can_id: str
    timestamp: str
    ingest_received_at: str
    payload: dict[str, float]

    @property
    def identity(self) -> Identity:
        return self.vehicle_id, self.can_id, self.timestamp


_read: Final = msgspec.json.Decoder(_Line).decode
_COUNTS: Final = ("records", "unique", "duplicates", "conflicting", "refused", "damaged", "skewed")


async def differences(storage: Storage, wanted: Iterable[Hour]) -> Sequence[str]:
    """Return what is wrong with the figures of these hours, and of all that have lines, a text each.

    Raise TelemetryError if an object cannot be read, or is damaged.
    """
    raw, skewed = await _lines(storage, "raw/"), await _lines(storage, "skewed/")
    believed = {line.identity for lines in raw.values() for line in lines}
    found: list[str] = []
    for hour in sorted({*wanted, *raw, *skewed}):
        unbelieved = {line.identity for line in skewed.get(hour, ())} - believed
        try:
            figures = hours.decode(await storage.get(objects.aggregated_key(hour)))
            wrong = list(_compare(figures, raw.get(hour, ()), len(unbelieved)))
        except TelemetryError as error:
            wrong = [str(error)] if hour in raw or hour in skewed else []
        found += [f"{format_hour(hour)}: {each}" for each in wrong]
    return found


async def _lines(storage: Storage, tree: str) -> Mapping[Hour, Sequence[_Line]]:
    """Read all lines of a tree, by the hour in whose folder they lie."""
    lines: defaultdict[Hour, list[_Line]] = defaultdict(list)
    for info in await storage.list(tree):
        content = objects.decode_object(info.key, await storage.get(info.key))
        lines[parse_path(info.key).hour] += map(_read, content)
    return lines


def _compare(figures: Aggregated, lines: Sequence[_Line], skewed: int) -> Iterator[str]:
    """Yield what differs. Of skewed records those count of which no copy was believed in any hour."""
    copies: defaultdict[Identity, list[_Line]] = defaultdict(list)
    for line in lines:
        copies[line.identity].append(line)
    first = {identity: _first(of_one) for identity, of_one in copies.items()}
    conflicting = sum(line.payload != first[line.identity].payload for line in lines)
    expected = (len(lines), len(first), len(lines) - len(first), conflicting, 0, 0, skewed)
    for name, number in zip(_COUNTS, expected, strict=True):
        there = getattr(figures, name)
        if there != number:
            yield f"{name} is {there}, and not {number}"
    by_vehicle: defaultdict[str, list[_Line]] = defaultdict(list)
    for line in first.values():
        by_vehicle[line.vehicle_id].append(line)
    for vehicle_id in sorted({*by_vehicle, *figures.vehicles}):
        if _told(figures.vehicles.get(vehicle_id)) != _vehicle(by_vehicle.get(vehicle_id, ())):
            yield f"the figures of {vehicle_id} are not those of its records"


def _first(copies: Sequence[_Line]) -> _Line:
    """Return the copy that counts: received first, and of those the one with the lowest values."""
    names = sorted({name for line in copies for name in line.payload})
    return min(
        copies,
        key=lambda line: (line.ingest_received_at, [line.payload.get(name, math.inf) for name in names]),
    )


def _told(vehicle: VehicleFigures | None) -> Mapping[str, Any] | None:
    if vehicle is None:
        return None
    return {
        "count": vehicle.count,
        "first": vehicle.first,
        "last": vehicle.last,
        "signals": dict(vehicle.signals),
    }


def _vehicle(lines: Sequence[_Line]) -> Mapping[str, Any] | None:
    if not lines:
        return None
    values: defaultdict[str, list[float]] = defaultdict(list)
    for line in lines:
        for name, value in line.payload.items():
            values[name].append(value)
    moments = [line.timestamp for line in lines]
    signals = {name: _figures(of_name) for name, of_name in values.items()}
    return {"count": len(lines), "first": min(moments), "last": max(moments), "signals": signals}


def _figures(values: Sequence[float]) -> SignalFigures:
    mean = math.fsum(values) / len(values)
    low, high = min(values), max(values)
    return SignalFigures(len(values), low, high, min(max(mean, low), high))
