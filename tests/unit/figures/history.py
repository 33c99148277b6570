"""A pipeline from queue to figures that is stepped by hand, and what it promises after each step.

A naive model says what the figures of an hour are: in one pass over all records that are stored for it, in
plain Python.
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour, format_timestamp, hour_of
from telemetry.domain.contract.record import Record
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.figures import certificate
from telemetry.domain.figures.certificate import Certificate, Marker
from telemetry.domain.figures.filling import FillingTerms
from telemetry.domain.figures.hour import Aggregated
from telemetry.domain.store import objects
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.recover import Recovery
from telemetry.domain.transport import envelope
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.parcel import Parcel
from tests.builders import NOW, POLICY, identity, put_quarantined
from tests.fakes import FailingQueue, FailingStorage
from tests.unit.figures.watching import TERMS, SteppedAggregator
from tests.unit.store import stepped

LEASE = LeaseTerms(visibility_ms=30_000, max_receives=3)
BATCH = BatchLimits(count=4, size=objects.MAX_BATCH, age_s=2.0)

Identity = tuple[str, str, int]


class Accepted(NamedTuple):
    """A record that was answered 202, and when."""

    record: Record
    at_ms: int

    @property
    def hour(self) -> Hour:
        return POLICY.place(self.record).hour


class History:
    """Queue, store, consumer and aggregator, and what was accepted."""

    def __init__(self, filling: FillingTerms | None = None) -> None:
        self.clock = ManualClock(NOW)
        self.queue = FailingQueue(self.clock, LEASE)
        self.storage = FailingStorage(self.clock)
        self.accepted: list[Accepted] = []
        self.certificates: dict[Hour, Certificate] = {}
        self.stored_at: dict[Hour, int] = {}
        self.aggregator = SteppedAggregator(self.storage, self.clock, self.queue, filling)
        self.start_consumer()

    def start_consumer(self) -> None:
        """Start a consumer; what the one before held comes again when its leases end."""
        self.consumer = Consumer(self.queue, self.storage, self.clock, POLICY, BATCH, LEASE)

    async def send(self, records: Sequence[Record]) -> None:
        """Send what a receiver accepted."""
        for place, members in POLICY.group(records).items():
            await self.queue.send([envelope.encode([Parcel.of(place, members)])])
        now_ms = self.clock.wall_ms()
        self.accepted += [Accepted(record, now_ms) for record in records]

    async def send_garbage(self) -> None:
        await self.queue.send([b"garbage"])

    async def consume(self) -> None:
        with suppress(OutOfReachError):
            await stepped.turn(self.consumer)

    async def consume_all(self) -> None:
        """Store all that can be received."""
        for _ in range(4):
            await self.consume()
            self.clock.advance(BATCH.age_s)

    async def kill_again(self) -> None:
        """Let one message be received as often as it may be, by consumers that die with it."""
        with suppress(OutOfReachError):
            for _ in range(LEASE.max_receives):
                await self.queue.receive(1, 0)
                self.clock.advance(LEASE.visibility_ms / 1000 + 1)
            await self.queue.receive(1, 0)  # which finds that it is dead

    async def set_aside(self) -> None:
        """Let a consumer that cannot decode it put a message into quarantine."""
        with suppress(OutOfReachError):
            for each in await self.queue.receive(1, 0):
                body = QuarantinedBody.of(each, "of a later version", self.clock.wall_ms())
                await put_quarantined(self.storage, body, now=self.clock.wall_ms())
                await self.queue.delete([each.handle])

    async def aggregate(self) -> None:
        """Take turns, then hold each hour to what is promised."""
        await self.aggregator.turns()
        await self.check()

    async def replay(self) -> None:
        """Send all anew that was set aside."""
        recovery = Recovery(self.queue, self.storage)
        with suppress(OutOfReachError):
            await recovery.replay([each.name async for each in recovery.items()])

    async def settle(self) -> None:
        """Let all arrive that is on its way, and all leases end, until every hour can be complete."""
        self.queue.failing = self.storage.failing = ()
        self.storage.puts_left = math.inf
        self.start_consumer()
        self.clock.advance(10 * 24 * 3600)
        for _ in range(6):
            await self.replay()
            for _ in range(4):
                await self.consume()
                self.clock.advance(BATCH.age_s)
                await self.consume()
            self.clock.advance(LEASE.visibility_ms / 1000 + 600)
        for _ in range(3):
            await self.aggregate()
            self.clock.advance(24 * 3600 + 1)

    async def check(self) -> None:
        stored = await self.stored()
        for hour in {each.hour for each in self.accepted} | set(stored):
            await self._check_hour(hour, stored[hour])

    async def stored(self) -> Mapping[Hour, list[Record]]:
        """Read back what lies in the raw store, by hour."""
        by_hour: defaultdict[Hour, list[Record]] = defaultdict(list)
        for tree in ("raw/", "skewed/"):
            for info in await MemoryView(self.storage).list(tree):
                for line in objects.decode_object(info.key, await MemoryView(self.storage).get(info.key)):
                    record = codec.decode_line(line)
                    by_hour[POLICY.place(record).hour].append(record)
        return by_hour

    async def figures(self, hour: Hour) -> Aggregated | None:
        failing, self.storage.failing = self.storage.failing, ()
        found = await self.aggregator.figures(hour)
        self.storage.failing = failing
        return found

    async def _check_hour(self, hour: Hour, stored: Sequence[Record]) -> None:
        found = await self.figures(hour)
        made = found.certificate if found else None
        before = self.certificates.get(hour)
        if made:
            self.certificates[hour] = made
        if made and made.state == "complete":
            assert found is not None
            self._check_complete(hour, found, stored)
        if before and before.state == "complete" and made != before:
            assert made is not None
            self._check_withdrawal(hour, before, made, stored)
        await self._check_marker(hour, made)

    def _check_complete(self, hour: Hour, found: Aggregated, stored: Sequence[Record]) -> None:
        """Nothing that was accepted before the bound is missing in figures that are called complete."""
        closes_ms = certificate.closes_ms(hour, TERMS.lateness_ms)
        assert self.clock.wall_ms() >= closes_ms
        in_time = [each.record for each in self.accepted if each.hour == hour and each.at_ms < closes_ms]
        for record in in_time:
            assert record in stored
        assert found.unique >= len({identity(each) for each in in_time if POLICY.place(each).tree == "raw"})

    def _check_withdrawal(
        self, hour: Hour, before: Certificate, made: Certificate, stored: Sequence[Record]
    ) -> None:
        """A complete hour becomes another revision only by records that were accepted after the bound."""
        if made.revision == before.revision and made.held.objects:
            return  # they came since, and cannot be read yet
        if made.revision == before.revision:
            assert made.state == "complete"
            assert made.current == before.current
            return
        more = made.current.counts.since(before.current.counts)
        assert made.late == before.late + max(1, max(0, more.records) + max(0, more.skewed))
        closes_ms = certificate.closes_ms(hour, TERMS.lateness_ms)
        late = [each for each in self.accepted if each.hour == hour and each.at_ms >= closes_ms]
        assert late, f"{hour} was complete, and nothing came late"

    async def _check_marker(self, hour: Hour, made: Certificate | None) -> None:
        """The marker is there only if the figures are complete, and names them."""
        key = objects.complete_key(hour)
        listed = await MemoryView(self.storage).list(key)
        if listed:
            assert made
            assert made.state == "complete"
            marker = msgspec.json.decode(await MemoryView(self.storage).get(key), type=Marker)
            assert (marker.revision, marker.input_digest) == (made.revision, made.current.input_digest)


class MemoryView:
    """A store that fails, read as if it did not."""

    def __init__(self, storage: FailingStorage) -> None:
        self._storage = storage

    async def list(self, prefix: str) -> Sequence[Any]:
        return await super(FailingStorage, self._storage).list(prefix)

    async def get(self, key: str) -> bytes:
        return await super(FailingStorage, self._storage).get(key)


def modelled(records: Iterable[Record], believed: Collection[Identity]) -> dict[str, Any]:
    """Say in one pass over the records of an hour what its figures are.

    `believed` are the identities in the figures of all hours, which do not count as skewed anywhere.
    """
    copies: defaultdict[tuple[str, str, int], list[Record]] = defaultdict(list)
    skewed = set()
    for record in records:
        if POLICY.place(record).tree == "skewed":
            skewed |= {identity(record)} - set(believed)
        else:
            copies[identity(record)].append(record)
    names = sorted({name for found in copies.values() for each in found for name in each.payload})
    first = {
        name: min(found, key=lambda each: (each.received_ms, [each.payload.get(n, math.inf) for n in names]))
        for name, found in copies.items()
    }
    vehicles: defaultdict[str, list[Record]] = defaultdict(list)
    for record in first.values():
        vehicles[record.vehicle_id].append(record)
    total = sum(map(len, copies.values()))
    return {
        "records": total,
        "unique": len(first),
        "duplicates": total - len(first),
        "conflicting": sum(
            each.payload != first[name].payload for name, found in copies.items() for each in found
        ),
        "skewed": len(skewed),
        "vehicles": {vehicle_id: _vehicle(ours) for vehicle_id, ours in sorted(vehicles.items())},
    }


def counted(found: Aggregated) -> dict[str, Any]:
    """Return of figures what the model says."""
    return {
        "records": found.records,
        "unique": found.unique,
        "duplicates": found.duplicates,
        "conflicting": found.conflicting,
        "skewed": found.skewed,
        "vehicles": {
            vehicle_id: {
                "count": vehicle.count,
                "first": vehicle.first,
                "last": vehicle.last,
                "signals": msgspec.to_builtins(vehicle.signals),
                "received": sum(stream.received for stream in vehicle.streams.values()),
            }
            for vehicle_id, vehicle in found.vehicles.items()
        },
    }


def _vehicle(records: Sequence[Record]) -> dict[str, Any]:
    moments = [record.timestamp_ms for record in records]
    return {
        "count": len(records),
        "first": format_timestamp(min(moments)),
        "last": format_timestamp(max(moments)),
        "signals": {
            name: _signal([record.payload[name] for record in records if name in record.payload])
            for name in sorted({name for record in records for name in record.payload})
        },
        "received": len(records),
    }


def _signal(values: Sequence[float]) -> dict[str, Any]:
    return {
        "count": len(values),
        "min": min(values),
        "max": max(values),
        "avg": math.fsum(values) / len(values),
    }


def run(steps: Sequence[tuple[str, Any]], filling: FillingTerms | None = None) -> History:
    """Take steps, each a verb of the history and its argument, and let all arrive at the end."""

    async def take() -> History:
        history = History(filling)
        for verb, argument in steps:
            await _take(history, verb, argument)
        await history.settle()
        await history.check()
        return history

    return asyncio.run(take())


async def _take(history: History, verb: str, argument: Any) -> None:
    match verb:
        case "send":
            now_ms = history.clock.wall_ms()
            await history.send([_record(now_ms, *each) for each in argument])
        case "again":
            if history.accepted:
                chosen = history.accepted[argument % len(history.accepted)].record
                await history.send([msgspec.structs.replace(chosen, received_ms=history.clock.wall_ms())])
        case "pass":
            history.clock.advance(argument)
        case "fail":
            history.queue.failing = history.storage.failing = argument
            history.storage.puts_left = 0 if "put" in argument else math.inf
        case "restart":
            history.aggregator.restart()
        case "evict":
            history.aggregator.evict()
            history.aggregator.restart()
        case "kill":
            history.start_consumer()
        case _:
            await getattr(history, verb)()


def _record(now_ms: int, vehicle: str, ago_ms: int, soc: int, waited_ms: int) -> Record:
    """Make a record of some time ago, which was received a little before now and waited for others since."""
    received_ms = now_ms - waited_ms
    timestamp_ms = max(0, received_ms - ago_ms)
    # Few moments in each hour, so that identities meet.
    timestamp_ms -= timestamp_ms % 60_000
    return Record(timestamp_ms, vehicle, "0x1", {"battery_soc": float(soc)}, received_ms)


def hours_of(history: History) -> set[Hour]:
    return {hour_of(each.record.timestamp_ms) for each in history.accepted}


__all__ = ["HOUR_MS", "History", "counted", "hours_of", "modelled", "run"]
