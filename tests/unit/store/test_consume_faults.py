"""Whatever fails, and whoever is killed at whatever step, the consumer loses nothing."""

import asyncio
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.contract.record import Record
from telemetry.domain.store import quarantine
from telemetry.domain.store.flush import Flush, NewObject
from telemetry.domain.store.objects import MAX_BATCH
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.builders import NOW, a_record, an_envelope, stored_records
from tests.unit.store.stepped import SteppedConsumer

STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["receive", "start", "renew", "kill", "stop", "heal", "break_hour"])),
        st.tuples(st.sampled_from(["send", "send_garbage", "turn"]), st.integers(1, 3)),
        st.tuples(st.sampled_from(["write", "settle"]), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([1, 2, 16, 31])),
        st.tuples(st.just("fill_store_after"), st.integers(0, 3)),
        st.tuples(st.just("break_queue"), st.sampled_from(["delete", "extend", "receive"])),
    ),
    max_size=40,
)


class RandomRun:
    """A consumer, what happens to it, and what was sent to it."""

    def __init__(self) -> None:
        self.stepped = SteppedConsumer(
            BatchLimits(count=4, size=MAX_BATCH, age_s=2.0), LeaseTerms(30_000, 1000)
        )
        self.under_way = list[tuple[Flush, list[NewObject]]]()  # and which objects are still to be written
        self.sent = list[Record]()
        self.garbage = list[bytes]()

    async def send(self, count: int) -> None:
        for hours in range(count):
            self.sent.append(a_record(timestamp_ms=NOW - hours * HOUR_MS, can_id=f"0x{len(self.sent):X}"))
            await self.stepped.send(an_envelope(self.sent[-1]))

    async def send_garbage(self, count: int) -> None:
        for _ in range(count):
            self.garbage.append(b"garbage %d" % len(self.garbage))
            await self.stepped.send(self.garbage[-1])

    async def turn(self, count: int) -> None:
        """Let everything go on: in some order, but what is under way first."""
        for _ in range(count):
            while self.under_way:
                await self.write(0)
                await self.settle(0)
            await self.receive()
            await self.start()

    async def receive(self) -> None:
        await self.stepped.consumer.receive(0.0)

    async def start(self) -> None:
        while flush := self.stepped.consumer.due():
            self.under_way.append((flush, list(flush.objects)))

    async def write(self, place: int) -> None:
        """Write an object of one of the flushes that are under way."""
        if place < len(self.under_way):
            flush, left = self.under_way[place]
            if left:
                await self.stepped.consumer.write(flush, left.pop())

    async def settle(self, place: int) -> None:
        """Settle one of the flushes, if all of its objects were put or failed."""
        if place < len(self.under_way) and not self.under_way[place][1]:
            await self.stepped.consumer.settle(self.under_way[place][0])
            del self.under_way[place]

    async def wait(self, seconds: int) -> None:
        self.stepped.clock.advance(seconds)

    async def renew(self) -> None:
        await self.stepped.consumer.renew()

    async def kill(self) -> None:
        self.under_way.clear()
        self.stepped.restart()

    async def stop(self) -> None:
        try:
            while self.under_way:
                await self.write(0)
                await self.settle(0)
            await self.stepped.stop()
        finally:
            await self.kill()

    async def fill_store_after(self, puts: int) -> None:
        self.stepped.storage.puts_left = puts

    async def break_hour(self) -> None:
        self.stepped.storage.broken = "hour=14"

    async def break_queue(self, verb: str) -> None:
        self.stepped.queue.failing = {*self.stepped.queue.failing, verb}

    async def heal(self) -> None:
        self.stepped.queue.failing, self.stepped.storage.puts_left = (), math.inf
        self.stepped.storage.broken = "nothing"

    async def run(self, steps: list[tuple[Any, ...]]) -> None:
        for what, *how in steps:
            try:
                await getattr(self, what)(*how)
            except QueueUnavailableError:
                continue
            finally:
                await self.check_nothing_is_lost()
        await self.heal()
        while await self.stepped.depth() != (0, 0, 0):
            await self.turn(1)
            self.stepped.clock.advance(2)
        await self.check_nothing_is_lost()

    async def check_nothing_is_lost(self) -> None:
        """Find every record in the store, or else, with what else was sent, on the queue."""
        stored = {record.can_id for record in await stored_records(self.stepped.storage)}
        quarantined = {
            each.body
            for key in await self.stepped.keys("quarantine/")
            for each in quarantine.decode(await self.stepped.storage.get(key))
        }
        missing = [record for record in self.sent if record.can_id not in stored]
        missing_garbage = set(self.garbage) - quarantined
        assert len(missing) + len(missing_garbage) <= sum(await self.stepped.depth())


@settings(max_examples=150)
@given(STEPS)
def test_whatever_fails_and_whoever_is_killed_at_whatever_step_nothing_is_lost(steps):
    asyncio.run(RandomRun().run(steps))
