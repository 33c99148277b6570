"""Consumers share a queue, however many there are: what is in it is stored, and every identity once."""

import asyncio
from collections import Counter

import pytest

from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.transport.lease import LeaseTerms
from tests.builders import an_envelope, identity, some_records, stored_records

MESSAGES = 400
RECORDS = 50


async def send(pipeline: Pipeline, start: int) -> set[tuple[str, str, int]]:
    """Put messages into the queue; return the identities in them."""
    queue = SqliteQueue(pipeline.data / "queue.db", SystemClock(), LeaseTerms(2_000, 10), 10**9)
    now = SystemClock().wall_ms() // 1000 * 1000
    batches = [
        some_records(RECORDS, now - 60_000, vehicle_id=f"veh-{number}")
        for number in range(start, start + MESSAGES)
    ]
    assert not await queue.send([an_envelope(*each) for each in batches])
    await queue.close()
    return {identity(record) for each in batches for record in each}


async def depth(pipeline: Pipeline) -> int:
    queue = SqliteQueue(pipeline.data / "queue.db", SystemClock(), LeaseTerms(2_000, 10), 10**9)
    found = await queue.depth()
    await queue.close()
    return found.ready + found.leased + found.dead


def is_empty(pipeline: Pipeline) -> bool:
    return asyncio.run(depth(pipeline)) == 0


async def stored(pipeline: Pipeline) -> Counter[tuple[str, str, int]]:
    return Counter(identity(record) for record in await stored_records(LocalStorage(pipeline.data)))


@pytest.fixture
def some(pipeline: Pipeline) -> Pipeline:
    pipeline.environment["BATCH_SIZE"] = "1000"  # so that each has many batches to store
    return pipeline


@pytest.mark.long
def test_two_and_then_four_consumers_store_every_identity_also_if_one_is_killed(some: Pipeline):
    sent = asyncio.run(send(some, 0))
    started = [some.start("consumer") for _ in range(2)]
    wait_until(lambda: is_empty(some), "two consumers to have emptied the queue")
    found = asyncio.run(stored(some))
    assert (len(found), found.total()) == (
        len(sent),
        len(sent),
    )  # nobody died, so that nothing is there twice
    assert found.keys() == sent
    sent |= asyncio.run(send(some, MESSAGES))
    started += [some.start("consumer") for _ in range(2)]
    started[0].kill()
    wait_until(lambda: is_empty(some), "the others to have emptied the queue")
    found = asyncio.run(stored(some))
    assert found.keys() == sent
    assert [each.poll() for each in started[1:]] == [None] * 3
    for number, each in enumerate(started):
        some.running[f"consumer {number}"] = each
