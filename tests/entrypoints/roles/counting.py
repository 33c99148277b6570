"""All roles in one event loop and in virtual time, over an SQS and an S3 that count."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import pytest

from harness import virtual
from harness.counted import QUEUE_URL, Counted
from telemetry.adapters.cache.memory import MemoryCache
from telemetry.adapters.http.health import LastSend
from telemetry.adapters.metrics.aggregator import AggregatorMetrics
from telemetry.adapters.metrics.consumer import ConsumerMetrics
from telemetry.coordination.engine import LoopEngine
from telemetry.domain.contract.record import Parsed, Record
from telemetry.domain.estimate.load import Load
from telemetry.domain.transport.ingest import Ingest
from telemetry.domain.vehicle.simulate import Simulation
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.heartbeat import Heartbeat
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.roles import aggregator, consumer
from telemetry.entrypoints.shared import costing
from telemetry.entrypoints.shared.readiness import ReceiverProbe

_VEHICLES = 2000
_SAMPLES = 3


class Run(NamedTuple):
    """What was asked of both services in how many seconds, and how many records were sent in them."""

    requests: Counter[str]
    seconds: float
    records: int

    def each_second(self, *operations: str) -> float:
        return sum(self.requests[each] for each in operations) / self.seconds


class _Quiet:
    """A log that keeps quiet, and a heartbeat that leaves no file."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def counted(
    load: Load, configured: Settings, warm_s: float, counted_s: float, patch: pytest.MonkeyPatch
) -> Run:
    """Run a load for `warm_s`, and then for `counted_s` in which requests are counted."""
    return virtual.run(lambda: _Roles(load, configured, patch).run(warm_s, counted_s))


def on_aws(**changes: Any) -> Settings:
    return Settings(
        queue_backend="sqs", sqs_queue_url=QUEUE_URL, storage_backend="s3", s3_bucket="b", **changes
    )


class _Roles:
    """Receivers, consumers and an aggregator."""

    def __init__(self, load: Load, configured: Settings, patch: pytest.MonkeyPatch) -> None:
        agreed = costing.terms(configured)
        self._aws = Counted(agreed.sqs_s, agreed.s3_s)
        patch.setattr("telemetry.adapters.queue.sqs.queue.Client", self._aws.client)
        patch.setattr("telemetry.adapters.storage.s3.Client", self._aws.client)
        self._load = load
        self._settings = configured
        self._check_s = agreed.check_s
        self._stopping = asyncio.Event()
        self._random = random.Random(1)
        fleet = Simulation(_VEHICLES, seed=1)
        # As many as a message may hold, so that none compresses better than what a fleet sends.
        self._records = [each for n in range(_SAMPLES) for each in fleet.sample(virtual.START_MS + 1000 * n)]
        self._next = 0

    async def run(self, warm_s: float, counted_s: float) -> Run:
        doors = [self._container() for _ in range(self._load.receivers)]
        probes = [ReceiverProbe(each.queue(), LastSend(), self._aws.clock, None) for each in doors]
        always = [asyncio.create_task(self._check(probe)) for probe in probes]
        roles = [asyncio.create_task(self._consume()) for _ in range(self._load.consumers)]
        roles.append(asyncio.create_task(self._aggregate()))
        ingests = [each.ingest() for each in doors]
        await self._send(ingests, warm_s)
        before, sent = self._aws.requests.copy(), self._next
        await self._send(ingests, warm_s + counted_s)
        run = Run(self._aws.requests - before, counted_s, self._next - sent)
        self._stopping.set()
        for each in always:
            each.cancel()
        await asyncio.gather(*roles)
        return run

    def _container(self) -> Container:
        # What was read is kept in memory, and hours are folded in the loop: neither needs a thread.
        return Container(
            settings=self._settings, clock=self._aws.clock, cache=MemoryCache(), engine=LoopEngine()
        )

    async def _consume(self) -> None:
        made = self._container().consumer()
        metrics = ConsumerMetrics("", Path())
        report = consumer.Report(made, cast("Log", _Quiet()), _heartbeat(), metrics, self._stopping)
        await consumer.serve(made, self._settings, report)

    async def _aggregate(self) -> None:
        await aggregator.serve(
            self._container(),
            cast("Log", _Quiet()),
            self._stopping,
            _heartbeat(),
            AggregatorMetrics("", Path()),
        )

    async def _check(self, probe: ReceiverProbe) -> None:
        while True:
            await probe.readiness(in_detail=False)
            await asyncio.sleep(self._check_s)

    async def _send(self, ingests: Sequence[Ingest], until_s: float) -> None:
        """Post at random moments until a moment, and wait until all of it is answered."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        async with asyncio.TaskGroup() as posts:
            while True:
                due_s += self._random.expovariate(self._load.rate / self._load.per_post)
                await asyncio.sleep(max(0.0, min(due_s, until_s) - loop.time()))
                if due_s >= until_s:
                    break
                posts.create_task(self._post(self._random.choice(ingests)))

    async def _post(self, ingest: Ingest) -> None:
        now_ms = self._aws.clock.wall_ms()
        count = int(self._load.per_post)
        chosen = [self._records[(self._next + n) % len(self._records)] for n in range(count)]
        self._next += count
        answer = await ingest.accept(Parsed([_at(each, now_ms) for each in chosen], []))
        assert answer.accepted == count


def _at(record: Record, now_ms: int) -> Record:
    return msgspec.structs.replace(record, timestamp_ms=now_ms - 200, received_ms=now_ms)


def _heartbeat() -> Heartbeat:
    return cast("Heartbeat", _Quiet())
