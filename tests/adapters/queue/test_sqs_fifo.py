"""A FIFO queue on SQS: its groups, and what it knows again."""

import asyncio
from collections import Counter

from harness.cloud import Cloud
from harness.stub import Stub
from telemetry.adapters.queue.sqs import SqsQueue
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.transport.lease import LeaseTerms
from tests.adapters.queue.sqs_stub import TERMS, done, entries, queue_at
from tests.builders import a_record, an_envelope


def envelope_of(vehicle_id: str, buckets: int) -> bytes:
    return an_envelope(a_record(vehicle_id=vehicle_id), policy=PartitionPolicy(buckets=buckets))


async def test_a_fifo_queue_groups_by_bucket_and_knows_a_body_that_is_sent_again(cloud: Cloud):
    url = cloud.queue(suffix=".fifo")
    queue = SqsQueue(url, TERMS, poll_s=1)
    bodies = [envelope_of(f"v{n}", 8) for n in range(6)]
    assert list(await queue.send(bodies)) == []
    assert list(await queue.send(bodies)) == []  # as after an answer that was lost
    received: Counter[bytes] = Counter()
    while sum(received.values()) < len(bodies):
        deliveries = await queue.receive(10, 5)
        received.update(each.body for each in deliveries)
        assert await queue.delete([each.handle for each in deliveries]) == []
    assert received == Counter(bodies)
    assert await queue.receive(10, 1.5) == []
    await queue.close()


async def test_the_group_is_read_from_the_head_of_an_envelope(stub: Stub):
    queue = queue_at(stub, "q.fifo")
    stub.script = done
    await queue.send([envelope_of("v", 8), envelope_of("v", 1), b"{}"])
    first, second, third = entries(stub.calls[0])
    assert first["MessageGroupId"].startswith("bucket-0")
    assert second["MessageGroupId"] == third["MessageGroupId"] == "all"
    assert len({each["MessageDeduplicationId"] for each in (first, second, third)}) == 3
    await queue.close()


async def test_a_dead_letter_of_a_fifo_queue_is_another_message_when_it_is_replayed(cloud: Cloud):
    url = cloud.queue(max_receives=1, suffix=".fifo")
    queue = SqsQueue(url, LeaseTerms(1000, 1), poll_s=1)
    await queue.send([b"poison"])
    assert len(await queue.receive(1, 10)) == 1
    letters = await queue.dead(10)
    async with asyncio.timeout(30):
        while not letters:
            assert await queue.receive(1, 0.5) == []
            letters = await queue.dead(10)
    assert await queue.redrive([letters[0].handle]) == []
    assert [each.body for each in await queue.receive(1, 10)] == [b"poison"]
    await queue.close()
