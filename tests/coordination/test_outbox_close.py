"""The outbox when it is closed: nobody waits for ever, and nothing more is taken."""

import asyncio

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.coordination.outbox import LingeringOutbox
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.builders import a_parcel, a_record


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue(SystemClock(), LeaseTerms())


async def test_what_waits_fails_and_is_not_sent(queue: MemoryQueue):
    outbox = LingeringOutbox(queue, SystemClock(), linger_s=3600, max_waiting=1_000_000)
    sending = asyncio.create_task(outbox.send([a_parcel(a_record())]))
    await asyncio.sleep(0)  # it waits for others now
    await outbox.close()
    with pytest.raises(QueueUnavailableError, match="stops"):
        await sending
    assert (await queue.depth()).ready == 0


async def test_a_closed_outbox_takes_nothing_more(queue: MemoryQueue):
    outbox = LingeringOutbox(queue, SystemClock(), linger_s=0, max_waiting=1_000_000)
    await outbox.send([a_parcel(a_record())])
    await outbox.close()
    await outbox.close()
    with pytest.raises(QueueUnavailableError, match="stops"):
        await outbox.send([a_parcel(a_record())])
    assert (await queue.depth()).ready == 1
