"""What a flush writes, and what it says of a batch, as the consumer does it."""

import msgspec

from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.store import objects
from telemetry.domain.store.latency import Percentiles, Stages
from telemetry.domain.store.objects import MAX_BATCH
from telemetry.domain.transport import envelope
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.parcel import Parcel
from tests.builders import (
    NOW,
    a_body,
    a_parcel,
    a_record,
    an_envelope,
    identity,
    some_records,
    stored_records,
)
from tests.unit.store.stepped import AT_ONCE, SteppedConsumer


def a_megabyte(number: int) -> Parcel:
    """Make a parcel of a megabyte of lines, like no other; nobody looks into them on the way."""
    parcel = a_parcel(*some_records(100))
    line = (b"%d" % number).ljust(9_999, b".") + b"\n"
    return Parcel(parcel.partition, parcel.timestamps, parcel.received, line * 100)


async def test_lines_arrive_as_they_were_sent_in_their_order():
    stepped = SteppedConsumer(AT_ONCE)
    sent = some_records(500)
    await stepped.send(*(an_envelope(*sent[start : start + 50]) for start in range(0, 500, 50)))
    await stepped.turn()
    (key,) = await stepped.keys()
    assert key.startswith("raw/year=2025/month=10/day=19/hour=14/batch-")
    assert await stored_records(stepped.storage) == sent


async def test_every_partition_gets_an_object_of_its_own():
    stepped = SteppedConsumer(AT_ONCE, policy=PartitionPolicy(buckets=2))
    sent = [a_record(vehicle_id=f"v{n}", timestamp_ms=NOW - n % 3 * HOUR_MS) for n in range(30)]
    await stepped.send(*(an_envelope(record, policy=PartitionPolicy(buckets=2)) for record in sent))
    stored = await stepped.due_turn()
    folders = [key.rpartition("/")[0] for key in await stepped.keys("raw/")]
    assert stored.objects == len(folders) == len(set(folders)) == 6
    stored_lines = await stored_records(stepped.storage)
    assert {identity(record) for record in stored_lines} == {identity(record) for record in sent}
    assert len(stored_lines) == 30


async def test_a_foreign_message_is_validated_stamped_and_stored():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(a_body(timestamp="2025-10-19T14:30:00Z", payload={"x": 1}))
    stepped.clock.advance(10)
    await stepped.turn()
    assert await stored_records(stepped.storage) == [a_record(payload={"x": 1.0}, received_ms=NOW)]


async def test_a_record_whose_clock_cannot_be_believed_is_stored_apart():
    stepped = SteppedConsumer(AT_ONCE)
    skewed = a_record(timestamp_ms=0)
    await stepped.send(an_envelope(skewed), an_envelope(a_record()))
    stored = await stepped.due_turn()
    assert (stored.records, stored.skewed) == (2, 1)
    (key,) = await stepped.keys("skewed/")
    assert key.startswith("skewed/year=2025/month=10/day=19/hour=14/batch-")
    assert len(await stepped.keys("raw/")) == 1


async def test_no_object_exceeds_five_megabytes_before_compression():
    stepped = SteppedConsumer(AT_ONCE, raw_format="jsonl.zst")
    await stepped.send(*(envelope.encode([a_megabyte(number)]) for number in range(40)))
    turns = []
    while stored := await stepped.turn():
        turns.append(stored)
        stepped.clock.advance(1)
    assert sum(stored.size for stored in turns) == 40_000_000
    assert max(stored.messages for stored in turns) == 16  # so that what is held is bounded too
    for key in await stepped.keys():
        lines = objects.decode_object(key, await stepped.storage.get(key))
        assert sum(len(line) + 1 for line in lines) <= MAX_BATCH


async def test_objects_of_one_partition_and_one_flush_are_filled_up():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(*(envelope.encode([a_megabyte(number)]) for number in range(16)))
    assert (await stepped.due_turn()).objects == 4


async def test_compressed_objects_read_back():
    stepped = SteppedConsumer(AT_ONCE, raw_format="jsonl.zst")
    await stepped.send(an_envelope(*some_records(50)))
    stored = await stepped.due_turn()
    (info,) = await stepped.storage.list("raw/")
    assert info.key.endswith(".jsonl.zst")
    assert info.size < stored.size / 5
    assert await stored_records(stepped.storage) == some_records(50)


async def test_a_batch_is_described_as_it_was():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(an_envelope(*some_records(3)), an_envelope(a_record(timestamp_ms=0)), b"garbage")
    stored = await stepped.due_turn()
    counts = msgspec.structs.asdict(stored)
    for name in ("latency", "size", "since_ms", "written_ms", "traces"):
        del counts[name]
    assert {stage: sum(spread.counts) for stage, spread in counts.pop("spreads").items()} == dict.fromkeys(
        ("ingest", "queue", "processing", "end_to_end"), 4
    )
    assert counts == {
        "messages": 3,
        "records": 4,
        "skewed": 1,
        "quarantined": 1,
        "redelivered": 0,
        "undeleted": 0,
        "objects": 3,
        "reason": "full",
    }
    assert stored.size == sum(info.size for info in await stepped.storage.list(""))


async def test_latencies_are_right_to_the_millisecond():
    stepped = SteppedConsumer(BatchLimits(count=2, size=MAX_BATCH, age_s=100.0))
    first = a_record(timestamp_ms=NOW - 300, received_ms=NOW - 100)
    second = a_record(timestamp_ms=NOW + 900, received_ms=NOW + 1400)
    stepped.storage.before_put = lambda: stepped.clock.advance(0.25)
    await stepped.send(an_envelope(first))
    await stepped.turn()
    stepped.clock.advance(2.0)
    await stepped.send(an_envelope(second))
    stored = await stepped.due_turn()  # durable at NOW + 2250

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
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(b"garbage")
    assert (await stepped.due_turn()).latency is None
