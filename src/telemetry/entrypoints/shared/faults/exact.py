"""Whether the figures of an hour are exact: compared with a model that reads every line once, and is naive.

Nothing of it is shared with the aggregator but the types of the figures. A sum is exact, and rounded once.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from telemetry.domain.contract.moment import Hour, format_hour, hour_path
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures import hour as hours
from telemetry.domain.figures.hour import Aggregated
from telemetry.domain.figures.rollup import SignalFigures
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


_read: Final = msgspec.json.Decoder(_Line).decode


async def differences(storage: Storage, wanted: Iterable[Hour]) -> Iterator[str]:
    """Return what is wrong with the figures of these hours, a text each."""
    found = [each for hour in wanted for each in await _of_hour(storage, hour)]
    return iter(found)


async def _of_hour(storage: Storage, hour: Hour) -> Iterator[str]:
    unique: dict[Identity, _Line] = {}
    for info in await storage.list(f"raw/{hour_path(hour)}/"):
        for text in objects.decode_object(info.key, await storage.get(info.key)):
            _keep_first(unique, _read(text))
    try:
        figures = hours.decode(await storage.get(objects.aggregated_key(hour)))
    except TelemetryError as error:
        return iter([f"{format_hour(hour)}: {error}"] if unique else [])
    return _compare(hour, unique, figures)


def _keep_first(unique: dict[Identity, _Line], line: _Line) -> None:
    identity = line.vehicle_id, line.can_id, line.timestamp
    other = unique.get(identity)
    if other is None or _order(line) < _order(other):
        unique[identity] = line


def _order(line: _Line) -> tuple[str, list[tuple[str, float]]]:
    return line.ingest_received_at, sorted(line.payload.items())


def _compare(hour: Hour, unique: Mapping[Identity, _Line], figures: Aggregated) -> Iterator[str]:
    by_vehicle: defaultdict[str, list[_Line]] = defaultdict(list)
    for line in unique.values():
        by_vehicle[line.vehicle_id].append(line)
    if figures.unique != len(unique):
        yield f"{format_hour(hour)}: {figures.unique} unique records, and there are {len(unique)}"
    for vehicle_id in sorted({*by_vehicle, *figures.vehicles}):
        expected = _signals(by_vehicle[vehicle_id])
        there = figures.vehicles.get(vehicle_id)
        if there is None or dict(there.signals) != expected:
            yield f"{format_hour(hour)}: the figures of {vehicle_id} are not those of its records"


def _signals(lines: Iterable[_Line]) -> Mapping[str, SignalFigures]:
    values: defaultdict[str, list[float]] = defaultdict(list)
    for line in lines:
        for name, value in line.payload.items():
            values[name].append(value)
    return {name: _figures(of_name) for name, of_name in values.items()}


def _figures(values: list[float]) -> SignalFigures:
    mean = math.fsum(values) / len(values)
    low, high = min(values), max(values)
    return SignalFigures(len(values), low, high, min(max(mean, low), high))
