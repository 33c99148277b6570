"""Whatever fails, and whoever is killed at whatever step, the consumer loses nothing."""

import asyncio
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.contract.record import Record
from telemetry.domain.store import quarantine
from telemetry.domain.store.objects import MAX_BATCH
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.builders import NOW, a_record, an_envelope, stored_records
from tests.unit.store.stepped import SteppedConsumer

STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["renew", "kill", "stop", "heal"])),
        st.tuples(st.sampled_from(["send", "send_garbage", "turn"]), st.integers(1, 3)),
        st.tuples(st.just("wait"), st.sampled_from([1, 2, 16, 31])),
        st.tuples(st.just("fill_store_after"), st.integers(0, 3)),
        st.tuples(st.just("break_queue"), st.sampled_from(["delete", "extend", "receive"])),
    ),
    max_size=30,
)


class RandomRun:
    """A consumer, what happens to it, and what was sent to it."""

    def __init__(self) -> None:
        self.stepped = SteppedConsumer(
            BatchLimits(count=4, size=MAX_BATCH, age_s=2.0), LeaseTerms(30_000, 1000)
        )
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
        for _ in range(count):
            await self.stepped.turn()

    async def wait(self, seconds: int) -> None:
        self.stepped.clock.advance(seconds)

    async def renew(self) -> None:
        await self.stepped.consumer.renew()

    async def kill(self) -> None:
        self.stepped.restart()

    async def stop(self) -> None:
        await self.stepped.consumer.stop()

    async def fill_store_after(self, puts: int) -> None:
        self.stepped.storage.puts_left = puts

    async def break_queue(self, verb: str) -> None:
        self.stepped.queue.failing = {*self.stepped.queue.failing, verb}

    async def heal(self) -> None:
        self.stepped.queue.failing, self.stepped.storage.puts_left = (), math.inf

    async def run(self, steps: list[tuple[Any, ...]]) -> None:
        for what, *how in steps:
            try:
                await getattr(self, what)(*how)
            except (QueueUnavailableError, StoreUnavailableError):
                continue
            finally:
                await self.check_nothing_is_lost()
        await self.heal()
        while await self.stepped.depth() != (0, 0, 0):
            await self.stepped.turn()
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
