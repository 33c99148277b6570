"""A store of two hours that our own consumer wrote, our aggregator added up, and our compactor compacted."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract.moment import HOUR_MS, Hour, Span
from telemetry.domain.contract.record import Record
from telemetry.domain.contract.signals import KNOWN
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.certify import Certifier
from telemetry.domain.figures.evidence import Inquiry
from telemetry.domain.query.catalogue import Catalogue
from telemetry.domain.store.consume import Consumer
from tests.builders import HOUR, NOW, POLICY, an_envelope
from tests.lake import compactor_of
from tests.unit.store.stepped import LIMITS, TERMS, turn

HOURS: Final = (Hour(HOUR - 1), HOUR)
_VEHICLES: Final = [f"veh-{number:05d}" for number in range(12)]


class Store(msgspec.Struct, frozen=True):
    """The files that hold the records of both hours, and what the figures of both say, as rows."""

    lines: Sequence[str]
    parquet: Sequence[str]
    figures: Sequence[str]
    figure_rows: Sequence[dict[str, Any]]
    hour_rows: Sequence[dict[str, Any]]


async def make(root: Path, *, is_compacted: bool) -> Store:
    """Store the records of twelve vehicles, some twice and some with another payload, and add them up."""
    storage, clock = LocalStorage(root), ManualClock(NOW)
    queue = MemoryQueue(clock, TERMS)
    consumer = Consumer(queue, storage, clock, POLICY, LIMITS, TERMS)
    for records in _batches(random.Random(17)):
        assert not await queue.send([an_envelope(*records)])
        await turn(consumer)
    while flush := consumer.due(at_end=True):
        for new in flush.objects:
            await consumer.write(flush, new)
        await consumer.settle(flush)
    clock.advance(3 * 3600)  # so that both hours are complete
    aggregator = Aggregator(storage, certifier=Certifier(storage, clock, Inquiry(storage, queue)))
    await aggregator.look()
    for hour in HOURS:
        assert await aggregator.build(hour)
        if is_compacted:
            await _compact(storage, clock, hour)
    return await _found(storage, root)


def _batches(chosen: random.Random) -> Sequence[Sequence[Record]]:
    """Make the records of both hours in batches, one in ten of them copied, and one in twenty changed."""
    batches = []
    for hour in range(2):
        records = [
            Record(at, vehicle, "0x1F0", _payload(chosen), at + 50 + chosen.randrange(900))
            for at in range(NOW - hour * HOUR_MS, NOW - hour * HOUR_MS + 60_000, 1000)
            for vehicle in _VEHICLES
        ]
        again = [each for each in records if chosen.random() < 0.1]
        records += [
            msgspec.structs.replace(each, received_ms=each.received_ms + chosen.randrange(-40, 40))
            for each in again
        ]
        records += [msgspec.structs.replace(each, payload=_payload(chosen)) for each in again[::2]]
        batches += [records[start : start + 100] for start in range(0, len(records), 100)]
    return batches


def _payload(chosen: random.Random) -> dict[str, float]:
    """Make a payload; one signal is absent now and then."""
    low, cold = chosen.uniform(3.2, 4.0), chosen.uniform(10.0, 40.0)
    values = (chosen.uniform(20, 90), 96 * low, chosen.uniform(-90, 60), low, low + 0.02, cold, cold + 3)
    payload = {name: round(value, 3) for name, value in zip(KNOWN, values, strict=True)}
    if chosen.random() < 0.05:
        del payload[chosen.choice([*KNOWN])]
    return payload


async def _compact(storage: LocalStorage, clock: ManualClock, hour: Hour) -> None:
    """Compact an hour, and remove what was compacted, as is done once it is old enough."""
    compacted = await compactor_of(storage, clock).compact(hour)
    assert compacted
    assert compacted.manifest
    for key in compacted.manifest.inputs:
        await storage.delete(key)


async def _found(storage: LocalStorage, root: Path) -> Store:
    catalogue = Catalogue(storage)
    found, figures = await catalogue.records(Span()), await catalogue.figures(Span())
    stored = [json.loads((root / info.key).read_text()) for info in figures]
    rows = [
        {"hour": each["hour"], "vehicle_id": vehicle_id, "signal": name, **signal}
        for each in stored
        for vehicle_id, vehicle in each["vehicles"].items()
        for name, signal in vehicle["signals"].items()
    ]
    hours = [
        {name: each[name] for name in ("hour", "records", "duplicates")} | {"unique_records": each["unique"]}
        for each in stored
    ]
    return Store(
        [str(root / info.key) for info in found.raw],
        [str(root / info.key) for info in found.whole],
        [str(root / info.key) for info in figures],
        rows,
        hours,
    )
