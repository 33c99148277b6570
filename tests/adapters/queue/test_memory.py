"""The queue in memory sleeps until something happens, by the clock of this machine."""

import asyncio

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.domain.transport.lease import LeaseTerms


async def test_a_waiting_receiver_gets_a_message_whose_lease_ends():
    queue = MemoryQueue(SystemClock(), LeaseTerms(visibility_ms=50))
    await queue.send([b"m"])
    await queue.receive(1, 0)
    async with asyncio.timeout(30):
        (delivery,) = await queue.receive(1, 60)
    assert (delivery.body, delivery.receives) == (b"m", 2)
    await queue.close()


async def test_a_waiting_receiver_does_not_sleep_beyond_its_wait_for_a_lease_that_ends_later():
    queue = MemoryQueue(SystemClock(), LeaseTerms(visibility_ms=60_000))
    await queue.send([b"m"])
    await queue.receive(1, 0)
    async with asyncio.timeout(30):
        assert await queue.receive(1, 0.02) == []
