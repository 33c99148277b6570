"""The embedded queue in lock-step with the model, whatever is done to both in whatever order."""

import asyncio
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.clock import lease_ms
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.transport import outlook
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.model import QueueModel
from telemetry.domain.transport.outlook import Waiting
from tests.builders import HOUR, NOW, a_record, an_envelope

T = TypeVar("T")

TERMS = LeaseTerms(visibility_ms=1000, max_receives=4)
VISIBILITY = TERMS.visibility_ms / 1000
ALL = 1000

envelopes = st.sampled_from([an_envelope(a_record(timestamp_ms=each * HOUR_MS)) for each in (HOUR, HOUR + 1)])
bodies = st.lists(st.binary(max_size=20) | envelopes, min_size=1, max_size=4)
limits = st.integers(min_value=0, max_value=6)
choices = st.lists(st.integers(0, 15), min_size=1, max_size=4)
"""Lease handles by their age: 0 is the newest, and most are stale."""
times = st.sampled_from([0.001, 0.3, 0.7, VISIBILITY - 0.001, VISIBILITY, 2.5])


class LockStep(RuleBasedStateMachine):
    """One model, and one file that two processes have opened."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="lock-step-")
        self._runner = asyncio.Runner()
        self._clock = ManualClock(NOW, 1000.0)
        self._model = QueueModel(TERMS)
        self._handles = ["1:0", "2:1", "999:1"]  # all that were ever given, and some that never were
        self._queues = [self._open(), self._open()]

    def teardown(self) -> None:
        for queue in self._queues:
            self._run(queue.close())
        self._runner.close()
        self._folder.cleanup()

    @rule(sent=bodies, process=st.integers(0, 1))
    def send(self, sent: list[bytes], process: int) -> None:
        assert list(self._run(self._queues[process].send(sent))) == []
        self._model.send(sent, self._clock.wall_ms())

    @rule(limit=limits, process=st.integers(0, 1))
    def receive(self, limit: int, process: int) -> None:
        deliveries = self._run(self._queues[process].receive(limit, 0))
        assert list(deliveries) == self._model.receive(limit, self._now_ms())
        self._handles += [each.handle for each in deliveries]

    @rule(chosen=choices, process=st.integers(0, 1))
    def delete(self, chosen: list[int], process: int) -> None:
        refused = self._run(self._queues[process].delete(self._chosen_handles(chosen)))
        assert list(refused) == self._model.delete(self._chosen_handles(chosen), self._now_ms())

    @rule(chosen=choices, duration_s=times, process=st.integers(0, 1))
    def extend(self, chosen: list[int], duration_s: float, process: int) -> None:
        refused = self._run(self._queues[process].extend(self._chosen_handles(chosen), duration_s))
        assert list(refused) == self._model.extend(
            self._chosen_handles(chosen), round(duration_s * 1000), self._now_ms()
        )

    @rule(chosen=choices, process=st.integers(0, 1))
    def hand_back(self, chosen: list[int], process: int) -> None:
        refused = self._run(self._queues[process].extend(self._chosen_handles(chosen), 0))
        assert list(refused) == self._model.extend(self._chosen_handles(chosen), 0, self._now_ms())

    @rule(chosen=choices, process=st.integers(0, 1))
    def redrive(self, chosen: list[int], process: int) -> None:
        refused = self._run(self._queues[process].redrive(self._chosen_handles(chosen)))
        assert list(refused) == self._model.redrive(self._chosen_handles(chosen))

    @rule(chosen=choices, process=st.integers(0, 1))
    def acquit(self, chosen: list[int], process: int) -> None:
        refused = self._run(self._queues[process].acquit(self._chosen_handles(chosen)))
        assert list(refused) == self._model.acquit(self._chosen_handles(chosen), self._now_ms())

    @rule(process=st.integers(0, 1))
    def redrive_all(self, process: int) -> None:
        letters = [each.handle for each in self._model.dead(ALL, self._now_ms())]
        assert list(self._run(self._queues[process].redrive(letters))) == []
        assert self._model.redrive(letters) == []

    @rule(duration_s=times)
    def let_time_pass(self, duration_s: float) -> None:
        self._clock.advance(duration_s)

    @rule(duration_s=st.sampled_from([3600.0, -3600.0, 86_400.0, -86_400.0]))
    def set_the_wall_clock(self, duration_s: float) -> None:
        self._clock.jump(duration_s)

    @rule(process=st.integers(0, 1))
    def reopen(self, process: int) -> None:
        self._run(self._queues[process].close())
        self._queues[process] = self._open()

    @rule(up_s=st.sampled_from([None, 0.0, 1.0]))
    def reopen_both(self, up_s: float | None) -> None:
        """Close the last connection, which writes the log into the file; maybe start the machine anew."""
        for queue in self._queues:
            self._run(queue.close())
        if up_s is not None:
            self._clock = ManualClock(NOW, up_s)
        self._queues = [self._open(), self._open()]

    @invariant()
    def both_hold_the_same(self) -> None:
        for queue in self._queues:
            assert self._run(queue.depth()) == self._model.depth(self._now_ms())
            assert list(self._run(queue.dead(ALL))) == self._model.dead(ALL, self._now_ms())
            assert self._run(queue.outlook()) == outlook.of(
                Waiting(outlook.hour_of_body(body), sent_ms, state)
                for body, sent_ms, state in self._model.messages(self._now_ms())
            )

    def _chosen_handles(self, chosen: list[int]) -> list[str]:
        return [self._handles[-1 - age % len(self._handles)] for age in chosen]

    def _now_ms(self) -> int:
        return lease_ms(self._clock)

    def _open(self) -> SqliteQueue:
        return SqliteQueue(Path(self._folder.name, "queue.db"), self._clock, TERMS, max_size=10_000_000)

    def _run(self, verb: Awaitable[T]) -> T:
        async def run() -> T:
            return await verb

        return self._runner.run(run())


test_the_embedded_queue_does_whatever_the_model_does = LockStep.TestCase
LockStep.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
