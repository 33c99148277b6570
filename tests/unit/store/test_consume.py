"""The consumer, stepped by hand: real queue and store in memory, a clock that is moved, and failures on demand."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.contract.partition import Partition, PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.store import objects, quarantine
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.flush import StoredBatch
from telemetry.domain.store.latency import Percentiles, Stages
from telemetry.domain.store.objects import MAX_BATCH, RawFormat
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.transport import envelope
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import Delivery, LeaseTerms
from telemetry.domain.transport.parcel import Parcel
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.builders import (
    HOUR,
    NOW,
    POLICY,
    a_body,
    a_record,
    an_envelope,
    identity,
    some_records,
    stored_records,
)

LIMITS = BatchLimits(count=100, size=MAX_BATCH, age_s=2.0)
AT_ONCE = BatchLimits(count=1, size=MAX_BATCH, age_s=2.0)
TERMS = LeaseTerms(visibility_ms=30_000, max_receives=5)


class Queue(MemoryQueue):
    """A queue whose verbs fail while they are named in `broken`; it writes down what it was asked."""

    failure: type[BaseException] = QueueUnavailableError

    def __init__(self, clock: ManualClock, terms: LeaseTerms) -> None:
        super().__init__(clock, terms)
        self.broken: set[str] = set()
        self.waits: list[float] = []
        self.extensions: list[tuple[int, float]] = []

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        self.fail("receive")
        self.waits.append(wait)
        return await super().receive(limit, 0)

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        self.fail("delete")
        return await super().delete(handles)

    async def extend(self, handles: Sequence[str], seconds: float) -> Sequence[str]:
        self.fail("extend")
        self.extensions.append((len(handles), seconds))
        return await super().extend(handles, seconds)

    def fail(self, verb: str) -> None:
        if verb in self.broken:
            raise self.failure(f"{verb} fails")


class Storage(MemoryStorage):
    """A store that takes only as many puts as it has `puts_left`; each takes `seconds`."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.clock = clock
        self.puts_left = 1_000_000
        self.seconds = 0.0

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        if not self.puts_left:
            raise StoreUnavailableError("No space left on device")
        self.puts_left -= 1
        self.clock.advance(self.seconds)
        await super().put(key, data, overwrite=overwrite)


class Plant:
    """A queue, a store, a clock, and one consumer at a time."""

    def __init__(
        self,
        limits: BatchLimits = LIMITS,
        terms: LeaseTerms = TERMS,
        policy: PartitionPolicy = POLICY,
        raw_format: RawFormat = "jsonl",
    ) -> None:
        self.clock = ManualClock(NOW)
        self.queue = Queue(self.clock, terms)
        self.storage = Storage(self.clock)
        self.settings = (policy, limits, terms, raw_format)
        self.consume = self.start()

    def start(self) -> Consumer:
        """Start a consumer that knows nothing of the one before, as after a kill."""
        self.consume = Consumer(self.queue, self.storage, self.clock, *self.settings)
        return self.consume

    async def turn(self) -> StoredBatch | None:
        return await self.consume.turn(0.0)

    async def due_turn(self) -> StoredBatch:
        stored = await self.turn()
        assert stored
        return stored

    async def send(self, *bodies: bytes) -> None:
        assert not await self.queue.send(bodies)

    async def keys(self, prefix: str = "") -> list[str]:
        return [entry.key for entry in await self.storage.list(prefix)]

    async def depth(self) -> tuple[int, int, int]:
        depth = await self.queue.depth()
        return depth.ready, depth.leased, depth.dead


def bulk(number: int) -> Parcel:
    """Make a parcel of a megabyte of lines, like no other; nobody looks into them on the way."""
    wrapped = Parcel.of(Partition("raw", HOUR), some_records(100))
    line = (b"%d" % number).ljust(9_999, b".") + b"\n"
    return Parcel(wrapped.partition, wrapped.timestamps, wrapped.received, line * 100)


# When a batch is due


async def test_an_idle_turn_stores_nothing():
    plant = Plant()
    assert await plant.turn() is None
    assert await plant.keys() == []


async def test_a_batch_is_stored_at_its_age_and_not_a_millisecond_before():
    plant = Plant()
    await plant.send(an_envelope(a_record()))
    assert await plant.turn() is None
    plant.clock.advance(1.999)
    assert await plant.turn() is None
    assert await plant.keys() == []
    plant.clock.advance(0.001)
    assert (await plant.due_turn()).records == 1
    assert await stored_records(plant.storage) == [a_record()]
    assert await plant.depth() == (0, 0, 0)


async def test_the_age_is_that_of_the_oldest_message_though_others_keep_coming():
    plant = Plant()
    stored = None
    for number in range(4):
        await plant.send(an_envelope(a_record(timestamp_ms=NOW + number)))
        stored = await plant.turn()
        assert (stored is not None) == (number == 3)
        plant.clock.advance(0.7)
    assert stored
    assert stored.records == 3  # the fourth came too late to be received in this turn
    assert await plant.depth() == (1, 0, 0)


async def test_a_batch_is_stored_at_its_count_of_records_and_not_one_before():
    plant = Plant()
    await plant.send(an_envelope(*some_records(60)))
    assert await plant.turn() is None
    await plant.send(an_envelope(*some_records(39, NOW + 60_000)))
    assert await plant.turn() is None
    await plant.send(an_envelope(*some_records(1, NOW + 120_000)))
    assert (await plant.due_turn()).records == 100


async def test_a_batch_is_stored_at_its_size():
    plant = Plant(BatchLimits(count=1_000_000, size=1000, age_s=1e9))
    await plant.send(an_envelope(*some_records(4)))
    assert await plant.turn() is None
    await plant.send(an_envelope(*some_records(4)))
    assert (await plant.due_turn()).records == 8


async def test_one_flush_takes_all_that_has_arrived():
    plant = Plant()
    await plant.send(*(a_body(timestamp="2025-10-19T14:30:00Z", vehicle_id=f"v{n}") for n in range(1000)))
    stored = await plant.due_turn()
    assert (stored.messages, stored.records, stored.objects) == (1000, 1000, 1)


async def test_a_turn_waits_no_longer_than_it_may_nor_than_until_the_oldest_is_due():
    plant = Plant()
    await plant.consume.turn(0.5)
    await plant.send(an_envelope(a_record()))
    await plant.consume.turn(0.5)
    plant.clock.advance(1.75)
    await plant.consume.turn(0.5)
    assert plant.queue.waits == [0.5, 0.5, 0.25]


async def test_only_the_first_message_is_waited_for():
    plant = Plant()
    await plant.send(*(an_envelope(a_record(timestamp_ms=NOW + n)) for n in range(20)))
    await plant.consume.turn(0.5)
    assert plant.queue.waits == [0.5, 0.0]


# What is stored


async def test_lines_arrive_as_they_were_sealed_in_their_order():
    plant = Plant(AT_ONCE)
    sent = some_records(500)
    await plant.send(*(an_envelope(*sent[start : start + 50]) for start in range(0, 500, 50)))
    await plant.turn()
    (key,) = await plant.keys()
    assert key.startswith("raw/year=2025/month=10/day=19/hour=14/batch-")
    assert await stored_records(plant.storage) == sent


async def test_every_partition_gets_an_object_of_its_own():
    plant = Plant(AT_ONCE, policy=PartitionPolicy(buckets=2))
    sent = [a_record(vehicle_id=f"v{n}", timestamp_ms=NOW - n % 3 * HOUR_MS) for n in range(30)]
    await plant.send(*(an_envelope(record, policy=PartitionPolicy(buckets=2)) for record in sent))
    stored = await plant.due_turn()
    folders = [key.rpartition("/")[0] for key in await plant.keys()]
    assert stored.objects == len(folders) == len(set(folders)) == 6
    stored_lines = await stored_records(plant.storage)
    assert {identity(record) for record in stored_lines} == {identity(record) for record in sent}
    assert len(stored_lines) == 30


async def test_a_foreign_message_is_validated_stamped_and_stored():
    plant = Plant(AT_ONCE)
    await plant.send(a_body(timestamp="2025-10-19T14:30:00Z", payload={"x": 1}))
    plant.clock.advance(10)
    await plant.turn()
    assert await stored_records(plant.storage) == [a_record(payload={"x": 1.0}, received_ms=NOW)]


async def test_a_record_whose_clock_cannot_be_believed_is_stored_apart():
    plant = Plant(AT_ONCE)
    skewed = a_record(timestamp_ms=0)
    await plant.send(an_envelope(skewed), an_envelope(a_record()))
    stored = await plant.due_turn()
    assert (stored.records, stored.skewed) == (2, 1)
    (key,) = await plant.keys("skewed/")
    assert key.startswith("skewed/year=2025/month=10/day=19/hour=14/batch-")
    assert len(await plant.keys("raw/")) == 1


async def test_no_object_exceeds_five_megabytes_before_compression():
    plant = Plant(AT_ONCE, raw_format="jsonl.zst")
    await plant.send(*(envelope.encode([bulk(number)]) for number in range(40)))
    turns = []
    while stored := await plant.turn():
        turns.append(stored)
        plant.clock.advance(1)
    assert sum(stored.size for stored in turns) == 40_000_000
    assert max(stored.messages for stored in turns) == 16  # so that what is held is bounded too
    for key in await plant.keys():
        lines = objects.decode_object(key, await plant.storage.get(key))
        assert sum(len(line) + 1 for line in lines) <= MAX_BATCH


async def test_objects_of_one_partition_and_one_flush_are_filled_up():
    plant = Plant(AT_ONCE)
    await plant.send(*(envelope.encode([bulk(number)]) for number in range(16)))
    assert (await plant.due_turn()).objects == 4


async def test_compressed_objects_read_back():
    plant = Plant(AT_ONCE, raw_format="jsonl.zst")
    await plant.send(an_envelope(*some_records(50)))
    stored = await plant.due_turn()
    (entry,) = await plant.storage.list("raw/")
    assert entry.key.endswith(".jsonl.zst")
    assert entry.size < stored.size / 5
    assert await stored_records(plant.storage) == some_records(50)


async def test_a_batch_is_described_as_it_was():
    plant = Plant(AT_ONCE)
    await plant.send(an_envelope(*some_records(3)), an_envelope(a_record(timestamp_ms=0)), b"garbage")
    stored = await plant.due_turn()
    counts = msgspec.structs.asdict(stored)
    del counts["latency"], counts["size"]
    assert counts == {
        "messages": 3,
        "records": 4,
        "skewed": 1,
        "quarantined": 1,
        "redelivered": 0,
        "undeleted": 0,
        "objects": 3,
    }
    assert stored.size == sum(entry.size for entry in await plant.storage.list(""))


async def test_latencies_are_right_to_the_millisecond():
    plant = Plant(BatchLimits(count=2, size=MAX_BATCH, age_s=100.0))
    first = a_record(timestamp_ms=NOW - 300, received_ms=NOW - 100)
    second = a_record(timestamp_ms=NOW + 900, received_ms=NOW + 1400)
    plant.storage.seconds = 0.25
    await plant.send(an_envelope(first))
    await plant.turn()
    plant.clock.advance(2.0)
    await plant.send(an_envelope(second))
    stored = await plant.due_turn()  # durable at NOW + 2250

    def between(low: float, high: float) -> Percentiles:
        p50, p95, p99 = (round(low + (high - low) * share, 6) for share in (0.5, 0.95, 0.99))
        return Percentiles(p50, p95, p99, low, high, 2)

    assert stored.latency
    rounded = msgspec.convert(
        {
            stage: {name: round(value, 6) for name, value in summary.items()}
            for stage, summary in msgspec.to_builtins(stored.latency).items()
        },
        Stages,
    )
    assert rounded == Stages(
        ingest=between(0.2, 0.5),
        queue=between(0.1, 0.6),
        processing=between(0.25, 2.25),
        end_to_end=between(1.35, 2.55),
    )


async def test_there_are_no_latencies_where_there_is_no_record():
    plant = Plant(AT_ONCE)
    await plant.send(b"garbage")
    assert (await plant.due_turn()).latency is None


# What cannot be decoded


async def test_a_body_that_cannot_be_decoded_goes_to_quarantine_with_its_reason_and_takes_no_neighbour_with_it():
    plant = Plant(AT_ONCE)
    broken = an_envelope(*some_records(5))[:-3]
    await plant.send(
        an_envelope(a_record()), b"garbage", a_body(can_id="x"), broken, an_envelope(a_record(can_id="0x2"))
    )
    stored = await plant.due_turn()
    assert (stored.records, stored.quarantined) == (2, 3)
    assert len(await stored_records(plant.storage)) == 2
    (key,) = await plant.keys("quarantine/")
    assert key.startswith("quarantine/year=2025/month=10/day=19/hour=14/quarantine-")
    letters = quarantine.decode(await plant.storage.get(key))
    assert [letter.body for letter in letters] == [b"garbage", a_body(can_id="x"), broken]
    assert [letter.reason.partition(":")[0] for letter in letters] == [
        "It is neither an envelope nor a JSON object.",
        "can_id",
        "It is not one whole zstd frame",
    ]
    assert await plant.depth() == (0, 0, 0)


async def test_what_cannot_be_decoded_counts_towards_a_batch():
    plant = Plant(BatchLimits(count=2, size=MAX_BATCH, age_s=2.0))
    await plant.send(b"garbage")
    assert await plant.turn() is None
    await plant.send(b"garbage")
    assert (await plant.due_turn()).quarantined == 2


async def test_a_flood_of_large_garbage_is_taken_in_pieces_and_put_away_in_pieces():
    plant = Plant()
    await plant.send(*(b"%07d" % number + bytes(1_000_000) for number in range(40)))
    turns = []
    while stored := await plant.turn():
        turns.append(stored.messages)
        plant.clock.advance(1)
    assert turns == [16, 16, 8]
    keys = await plant.keys("quarantine/")
    data = [await plant.storage.get(key) for key in keys]
    assert max(map(len, data)) <= MAX_BATCH
    assert sum(len(quarantine.decode(each)) for each in data) == 40


async def test_a_body_leaves_the_queue_only_once_its_quarantine_is_durable():
    plant = Plant(AT_ONCE)
    await plant.send(b"garbage")
    plant.storage.puts_left = 0
    with pytest.raises(StoreUnavailableError, match="No space"):
        await plant.turn()
    assert await plant.depth() == (0, 1, 0)


# Durable first, deleted second


async def test_nothing_is_deleted_while_the_store_fails():
    plant = Plant(AT_ONCE)
    plant.storage.puts_left = 0
    await plant.send(an_envelope(a_record()))
    for _ in range(3):
        with pytest.raises(StoreUnavailableError, match="No space"):
            await plant.turn()
    assert await plant.depth() == (0, 1, 0)
    assert await plant.keys() == []


async def test_a_flush_that_failed_is_tried_again_under_the_same_names_and_nothing_is_stored_twice():
    plant = Plant(AT_ONCE)
    sent = [a_record(timestamp_ms=NOW - hours * HOUR_MS) for hours in range(4)]
    await plant.send(*(an_envelope(record) for record in sent))
    for written in (1, 2, 3):
        plant.storage.puts_left = written
        with pytest.raises(StoreUnavailableError, match="No space"):
            await plant.turn()
        assert len(await plant.keys()) == written
        plant.clock.advance(1.5)
    plant.storage.puts_left = 100
    await plant.send(an_envelope(a_record(can_id="0x2")))
    stored = await plant.due_turn()
    assert (stored.records, stored.objects) == (4, 4)
    assert len(await plant.keys()) == 4
    assert sorted(record.timestamp_ms for record in await stored_records(plant.storage)) == sorted(
        record.timestamp_ms for record in sent
    )
    assert (await plant.due_turn()).records == 1  # what came meanwhile is a batch of its own
    assert await plant.depth() == (0, 0, 0)


async def test_what_the_queue_would_not_delete_is_deleted_in_the_next_turn():
    plant = Plant(AT_ONCE)
    plant.queue.broken = {"delete"}
    await plant.send(an_envelope(a_record()))
    stored = await plant.due_turn()
    assert (stored.records, stored.undeleted) == (1, 1)
    with pytest.raises(QueueUnavailableError, match="delete fails"):
        await plant.turn()
    assert await plant.depth() == (0, 1, 0)
    plant.queue.broken = set()
    assert await plant.turn() is None
    assert await plant.depth() == (0, 0, 0)
    assert len(await stored_records(plant.storage)) == 1


async def test_a_lease_that_ended_before_its_message_was_stored_is_counted_and_the_message_comes_again():
    plant = Plant()
    await plant.send(an_envelope(a_record()))
    await plant.turn()
    plant.clock.advance(30)
    stored = await plant.due_turn()
    assert (stored.messages, stored.undeleted, stored.redelivered) == (1, 1, 0)
    stored = await plant.due_turn()
    assert (stored.messages, stored.undeleted, stored.redelivered) == (1, 0, 1)
    assert await plant.depth() == (0, 0, 0)


async def test_a_queue_that_cannot_be_received_from_speaks_up_and_the_batch_stays():
    plant = Plant()
    await plant.send(an_envelope(a_record()))
    await plant.turn()
    plant.queue.broken = {"receive"}
    with pytest.raises(QueueUnavailableError, match="receive fails"):
        await plant.turn()
    plant.clock.advance(2)
    assert (await plant.due_turn()).records == 1  # storing needs no receiving


class Killed(BaseException):
    """The end of a process, at a moment of the test's choice."""


async def test_a_crash_between_write_and_delete_stores_twice_and_counts_once():
    plant = Plant(AT_ONCE)
    sent = some_records(10)
    await plant.send(an_envelope(*sent))
    plant.queue.broken, plant.queue.failure = {"delete"}, Killed
    with pytest.raises(Killed):
        await plant.turn()
    plant.queue.broken = set()
    plant.start()
    assert await plant.turn() is None  # the dead one's lease has not ended
    plant.clock.advance(30)
    stored = await plant.due_turn()
    assert (stored.records, stored.redelivered, stored.undeleted) == (10, 1, 0)
    assert len(await stored_records(plant.storage)) == 20
    built = await Aggregator(plant.storage).build(HOUR)
    assert built
    figures = built.aggregated
    assert (figures.records, figures.unique, figures.duplicates) == (20, 10, 10)
    assert figures.vehicles["veh-00123"].count == 10


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["renew", "kill", "stop", "heal"])),
        st.tuples(st.sampled_from(["send", "garble", "turn"]), st.integers(1, 3)),
        st.tuples(st.just("wait"), st.sampled_from([1, 2, 16, 31])),
        st.tuples(st.just("fill_store_after"), st.integers(0, 3)),
        st.tuples(st.just("disturb"), st.sampled_from(["delete", "extend", "receive"])),
    ),
    max_size=30,
)


class Shift:
    """A plant, what happens to it, and what was sent to it."""

    def __init__(self) -> None:
        self.plant = Plant(BatchLimits(count=4, size=MAX_BATCH, age_s=2.0), LeaseTerms(30_000, 1000))
        self.sent = list[Record]()
        self.garbage = list[bytes]()

    async def send(self, count: int) -> None:
        for hours in range(count):
            self.sent.append(a_record(timestamp_ms=NOW - hours * HOUR_MS, can_id=f"0x{len(self.sent):X}"))
            await self.plant.send(an_envelope(self.sent[-1]))

    async def garble(self, count: int) -> None:
        for _ in range(count):
            self.garbage.append(b"garbage %d" % len(self.garbage))
            await self.plant.send(self.garbage[-1])

    async def turn(self, count: int) -> None:
        for _ in range(count):
            await self.plant.turn()

    async def wait(self, seconds: int) -> None:
        self.plant.clock.advance(seconds)

    async def renew(self) -> None:
        await self.plant.consume.renew()

    async def kill(self) -> None:
        self.plant.start()

    async def stop(self) -> None:
        await self.plant.consume.stop()

    async def fill_store_after(self, puts: int) -> None:
        self.plant.storage.puts_left = puts

    async def disturb(self, verb: str) -> None:
        self.plant.queue.broken.add(verb)

    async def heal(self) -> None:
        self.plant.queue.broken, self.plant.storage.puts_left = set(), 1_000_000

    async def play(self, steps: list[tuple[Any, ...]]) -> None:
        for what, *how in steps:
            try:
                await getattr(self, what)(*how)
            except (QueueUnavailableError, StoreUnavailableError):
                continue
            finally:
                await self.check_nothing_is_lost()
        await self.heal()
        while await self.plant.depth() != (0, 0, 0):
            await self.plant.turn()
            self.plant.clock.advance(2)
        await self.check_nothing_is_lost()

    async def check_nothing_is_lost(self) -> None:
        """Find every record in the store, or else, with what else was sent, on the queue."""
        stored = {record.can_id for record in await stored_records(self.plant.storage)}
        letters = [
            letter.body
            for key in await self.plant.keys("quarantine/")
            for letter in quarantine.decode(await self.plant.storage.get(key))
        ]
        missing = [record for record in self.sent if record.can_id not in stored]
        astray = set(self.garbage) - set(letters)
        assert len(missing) + len(astray) <= sum(await self.plant.depth())


@settings(max_examples=150)
@given(STEPS)
def test_whatever_fails_and_whoever_is_killed_at_whatever_step_nothing_is_lost(steps):
    asyncio.run(Shift().play(steps))


# Leases


async def test_leases_are_extended_once_half_of_their_time_is_over_and_not_before():
    plant = Plant(BatchLimits(count=100, size=MAX_BATCH, age_s=1e9))
    await plant.send(an_envelope(a_record()), an_envelope(a_record(can_id="0x2")))
    await plant.turn()
    plant.clock.advance(14.999)
    await plant.consume.renew()
    assert plant.queue.extensions == []
    plant.clock.advance(0.001)
    await plant.consume.renew()
    await plant.consume.renew()
    assert plant.queue.extensions == [(2, 30.0)]
    plant.clock.advance(15)
    await plant.consume.renew()
    assert len(plant.queue.extensions) == 2


async def test_the_half_time_is_that_of_the_oldest_though_others_keep_coming():
    plant = Plant(BatchLimits(count=100, size=MAX_BATCH, age_s=1e9))
    for number in range(16):
        await plant.send(an_envelope(a_record(timestamp_ms=NOW + number)))
        await plant.turn()
        await plant.consume.renew()
        plant.clock.advance(1)
    assert plant.queue.extensions == [(16, 30.0)]


async def test_a_batch_that_is_renewed_is_nobody_elses_however_long_it_is_held():
    plant = Plant(BatchLimits(count=100, size=MAX_BATCH, age_s=300.0))
    await plant.send(an_envelope(a_record()))
    await plant.turn()
    for _ in range(19):
        plant.clock.advance(15)
        await plant.consume.renew()
        assert await plant.queue.receive(10, 0) == []
    plant.clock.advance(15)
    stored = await plant.due_turn()
    assert (stored.records, stored.undeleted) == (1, 0)


async def test_nothing_is_extended_where_nothing_is_held():
    plant = Plant(AT_ONCE)
    await plant.send(an_envelope(a_record()))
    await plant.turn()
    plant.clock.advance(100)
    await plant.consume.renew()
    assert plant.queue.extensions == []


async def test_a_renewal_that_failed_is_tried_again():
    plant = Plant(BatchLimits(count=100, size=MAX_BATCH, age_s=1e9))
    await plant.send(an_envelope(a_record()))
    await plant.turn()
    plant.clock.advance(15)
    plant.queue.broken = {"extend"}
    with pytest.raises(QueueUnavailableError):
        await plant.consume.renew()
    plant.queue.broken = set()
    await plant.consume.renew()
    assert plant.queue.extensions == [(1, 30.0)]


async def test_the_next_batch_has_a_half_time_of_its_own():
    plant = Plant()
    await plant.send(an_envelope(a_record()))
    await plant.turn()
    plant.clock.advance(14)
    await plant.due_turn()
    await plant.send(an_envelope(a_record()))
    await plant.turn()
    plant.clock.advance(2)
    await plant.consume.renew()
    assert plant.queue.extensions == []


# Stopping


async def test_stopping_stores_what_is_held_though_it_is_not_due():
    plant = Plant()
    await plant.send(an_envelope(a_record()))
    await plant.turn()
    stored = await plant.consume.stop()
    assert stored
    assert stored.records == 1
    assert await plant.depth() == (0, 0, 0)
    assert plant.queue.extensions == []


async def test_stopping_with_empty_hands_stores_nothing():
    plant = Plant()
    assert await plant.consume.stop() is None
    assert await plant.keys() == []


async def test_stopping_hands_back_what_cannot_be_stored_for_others_to_receive_at_once():
    plant = Plant()
    await plant.send(an_envelope(a_record()))
    await plant.turn()
    plant.storage.puts_left = 0
    with pytest.raises(StoreUnavailableError, match="No space"):
        await plant.consume.stop()
    assert await plant.depth() == (1, 0, 0)
    plant.storage.puts_left = 1
    plant.start()
    assert (await plant.due_turn()).redelivered == 1


async def test_what_comes_again_is_stored_at_once_and_what_came_first_goes_with_it():
    plant = Plant()
    await plant.send(an_envelope(a_record()))
    await plant.turn()
    plant.start()  # the first consumer died, and its lease ends
    plant.clock.advance(30)
    await plant.send(an_envelope(a_record(vehicle_id="another")))
    stored = await plant.due_turn()
    assert (stored.messages, stored.redelivered) == (2, 1)
    await plant.send(an_envelope(a_record(vehicle_id="a-third")))
    assert await plant.turn() is None  # for which there is no hurry


async def test_stopping_deletes_what_the_queue_would_not_delete_before():
    plant = Plant(AT_ONCE)
    plant.queue.broken = {"delete"}
    await plant.send(an_envelope(a_record()))
    await plant.turn()
    with pytest.raises(QueueUnavailableError):
        await plant.consume.stop()
    plant.queue.broken = set()
    assert await plant.consume.stop() is None
    assert await plant.depth() == (0, 0, 0)
