"""A consumer notices within five seconds that a fault is over, however long it lasted; in virtual time."""

import asyncio
import math
from collections.abc import Sequence

import pytest

from harness import virtual
from telemetry.coordination.carrying import Carrier
from telemetry.domain.store.consume import Consumer
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import Delivery, LeaseTerms
from tests.builders import POLICY, a_record, an_envelope
from tests.coordination.test_carrying import Heard
from tests.fakes import FailingQueue, FailingStorage

RECOVERS_S = 5
AGE_S = 0.125


class PatientQueue(FailingQueue):
    """A queue that lets time pass while it is empty."""

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        if not (deliveries := await super().receive(limit, 0)):
            await asyncio.sleep(wait_s)
        return deliveries


async def recover(verb: str, outage_s: float) -> float:
    """Let a queue or a store fail for a while; return how long after that what was sent is stored."""
    clock, heard, stopping = virtual.VirtualClock(), Heard(), asyncio.Event()
    queue, storage = PatientQueue(clock), FailingStorage(clock)
    consumer = Consumer(queue, storage, clock, POLICY, BatchLimits(1, 1_000_000, AGE_S), LeaseTerms())
    running = asyncio.create_task(Carrier(consumer, heard, renew_every_s=7, shutdown_s=8).run(stopping))
    queue.failing, storage.puts_left = {verb}, 0 if verb == "put" else math.inf
    await queue.send([an_envelope(a_record())])
    await asyncio.sleep(outage_s)
    assert heard.complaints
    queue.failing, storage.puts_left = (), math.inf
    ended_s = clock.monotonic_s()
    while (await queue.depth()).total:
        await asyncio.sleep(1 / 64)
    recovered_s = clock.monotonic_s() - ended_s
    stopping.set()
    await running
    assert heard.records == 1
    return recovered_s


@pytest.mark.parametrize("verb", ["receive", "put", "delete"])
@pytest.mark.parametrize("outage_s", [1, 9.5, 61, 3600])
def test_what_waited_during_an_outage_is_stored_within_five_seconds_after_it(verb: str, outage_s: float):
    assert virtual.run(lambda: recover(verb, outage_s)) <= RECOVERS_S
