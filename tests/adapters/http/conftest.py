"""A receiver whose queue and clock are in the test's hand, called without a network."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import httpx
import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.http.app import create_app
from telemetry.adapters.http.auth import HEADER, Grant, Keyring
from telemetry.adapters.http.intake import Desk
from telemetry.adapters.http.metrics import Metrics
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.coordination.outbox import LingeringOutbox
from telemetry.domain.contract.codec import decode_line
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.transport import envelope
from telemetry.domain.transport.ingest import Ingest
from telemetry.domain.transport.lease import Depth, LeaseTerms

NOW = 1_760_877_300_000
LIMIT = 100_000
KEY = "the-key-of-the-fleet"
DEPOT = "the-key-of-a-depot"


class FragileQueue(MemoryQueue):
    """A queue that can be broken."""

    failure: Exception | None = None

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        self.break_down()
        return await super().send(bodies)

    async def depth(self) -> Depth:
        self.break_down()
        return await super().depth()

    def break_down(self) -> None:
        if self.failure:
            raise self.failure


class Plant(msgspec.Struct):
    """A receiver and what is around it."""

    app: Any
    client: httpx.AsyncClient
    queue: FragileQueue
    clock: ManualClock
    errors: list[Exception]

    async def post(
        self, content: bytes | str, kind: str = "application/json", **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/ingest", content=content, headers={"Content-Type": kind} | named)

    async def queued(self) -> list[Record]:
        """Take what the queue holds, as records."""
        deliveries = await self.queue.receive(100, 0)
        parcels = [envelope.decode(each.body, each.sent_ms, PartitionPolicy()) for each in deliveries]
        return [decode_line(line) for parcel in parcels for line in parcel.lines.splitlines()]


@pytest.fixture
async def plant():
    clock, errors = ManualClock(NOW), []
    queue = FragileQueue(clock, LeaseTerms())
    outbox = LingeringOutbox(queue, clock, linger_s=0, max_waiting=10_000_000)
    grants = [Grant(KEY, rate=1000), Grant(DEPOT, vehicles=["depot-7-*"])]
    desk = Desk(
        ingest=Ingest(outbox, PartitionPolicy()),
        keyring=Keyring(grants, clock),
        clock=clock,
        metrics=Metrics(),
        max_body=LIMIT,
        depth=queue.depth,
    )

    async def on_error(error, _scope):
        errors.append(error)

    app: Any = create_app(
        desk, "1.2.3", on_error, lambda _: nullcontext()
    )  # which httpx and Litestar type differently
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://receiver", headers={HEADER: KEY}
    ) as client:
        yield Plant(app, client, queue, clock, errors)
