"""`python -m harness.crash.workload FOLDER`: a small run of queue, consumer, aggregator and keys.

It is there to be traced. Before and after each verb that promises durability it prints a line, so that a
trace shows what was promised when. All of it is real: use-cases, adapters, SQLite.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.keys.entry import Entry
from telemetry.adapters.keys.file import KeysFile
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.adapters.storage.local import LocalStorage
from telemetry.coordination.carrying import Carrier
from telemetry.domain.contract.moment import HOUR_MS, hour_of
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.errors import OutOfReachError, TelemetryError
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.store import objects
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.flush import NewObject, StoredBatch
from telemetry.domain.transport import envelope
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.parcel import Parcel
from telemetry.entrypoints.process.heartbeat import Heartbeat

POLICY: Final = PartitionPolicy()
TERMS: Final = LeaseTerms()
DATA: Final = "site/data"
QUEUE: Final = f"{DATA}/queue.db"
KEYS: Final = "keys.json"
_MOST: Final = 10**9  # bytes of the queue


class Mark(msgspec.Struct, frozen=True):
    """What is promised, and by what it is known: before its verb began, or once that is done."""

    verb: str
    name: str
    is_done: bool


def say(verb: str, name: str, *, is_done: bool) -> None:
    """Print a mark."""
    sys.stdout.write(msgspec.json.encode(Mark(verb, name, is_done)).decode() + "\n")
    sys.stdout.flush()


class SayingQueue(SqliteQueue):
    """The embedded queue, which says what it promises."""

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        for each in bodies:
            say("send", each.hex(), is_done=False)
        refused = await super().send(bodies)
        for each in bodies:
            say("send", each.hex(), is_done=True)
        return refused


class SayingStorage(LocalStorage):
    """The local store, which says what it promises."""

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        name = f"{key} {objects.digest(data)}"
        say("put", name, is_done=False)
        await super().put(key, data, overwrite=overwrite)
        say("put", name, is_done=True)

    async def delete(self, key: str) -> None:
        say("delete", key, is_done=False)
        await super().delete(key)
        say("delete", key, is_done=True)


class _Witness:
    """Ends the consumer once it has stored enough."""

    def __init__(self, messages: int) -> None:
        self.stopping = asyncio.Event()
        self._left = messages

    def turned(self) -> None:
        pass

    def stored(self, batch: StoredBatch) -> None:
        self._left -= batch.messages
        if self._left <= 0:
            self.stopping.set()

    def unwritten(self, _new: NewObject, error: TelemetryError) -> None:
        raise error

    def unreached(self, _verb: str, error: OutOfReachError) -> None:
        raise error


def records_of(number: int, timestamp_ms: int, received_ms: int) -> Sequence[Record]:
    """Return some records of one vehicle in one hour."""
    return [
        Record(timestamp_ms + 200 * each, f"veh-{number}", "0x1F0", {"x": each / 3}, received_ms)
        for each in range(5)
    ]


async def main(root: Path) -> None:
    clock = SystemClock()
    keys = KeysFile(root / KEYS)
    for name in ("first", "second"):
        say("key", name, is_done=False)
        keys.add(Entry(name=name))
        say("key", name, is_done=True)
    with Heartbeat(root / DATA, "consumer"):  # which makes the folders, and syncs nothing
        pass
    storage = SayingStorage(root / DATA)
    now_ms = clock.wall_ms()
    start_ms = now_ms // HOUR_MS * HOUR_MS
    late_ms = start_ms - 5 * HOUR_MS
    hours = [hour_of(start_ms), hour_of(late_ms)]
    queue = _open(root)
    for number, moment in enumerate((start_ms, late_ms, start_ms)):
        await _send(queue, records_of(number, moment, now_ms))
        await _consume(queue, storage, 1)  # one by one, so that each promise has its own operations before it
        for hour in hours:
            await Aggregator(storage).refresh(hour)
    await queue.close()  # which writes SQLite's log back
    queue = _open(root)
    await _send(queue, records_of(3, start_ms, now_ms))
    await queue.close()
    queue = _open(root)
    await _consume(queue, storage, 1)  # in a log of its own, which is synced only when it is written back
    await queue.close()


def _open(root: Path) -> SqliteQueue:
    return SayingQueue(root / QUEUE, SystemClock(), TERMS, _MOST)


async def _send(queue: SqliteQueue, records: Sequence[Record]) -> None:
    await queue.send([envelope.encode([Parcel.of(POLICY.place(records[0]), records)])])


async def _consume(queue: SqliteQueue, storage: LocalStorage, messages: int) -> None:
    limits = BatchLimits(count=1000, size=objects.MAX_BATCH, age_s=0.01)
    consumer = Consumer(
        queue=queue,
        storage=storage,
        clock=SystemClock(),
        policy=POLICY,
        limits=limits,
        terms=TERMS,
        raw_format="jsonl",
    )
    witness = _Witness(messages)
    await Carrier(consumer, witness, TERMS.visibility_ms / 4000, 10).run(witness.stopping)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
