"""A receiver that is called without a network."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

import httpx
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.http.app import create_app
from telemetry.adapters.http.auth import HEADER, Grant, Keyring
from telemetry.adapters.http.intake import Buffer, Desk
from telemetry.adapters.http.metrics import Metrics
from telemetry.coordination.outbox import LingeringOutbox
from telemetry.domain.transport.ingest import Ingest
from tests.adapters.http.receiver import DEPOT, KEY, LIMIT, Receiver
from tests.builders import NOW, POLICY
from tests.fakes import FailingQueue


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    clock, errors = ManualClock(NOW), list[Exception]()
    queue = FailingQueue(clock)
    outbox = LingeringOutbox(queue, clock, linger_s=0, max_waiting=10_000_000)
    grants = [Grant(KEY, rate=1000), Grant(DEPOT, vehicles=["depot-7-*"])]
    desk = Desk(
        ingest=Ingest(outbox, POLICY),
        keyring=Keyring(grants, clock),
        clock=clock,
        metrics=Metrics(),
        max_body=LIMIT,
        max_records=1_000,
        buffer=Buffer(10 * LIMIT, lambda: 0),
        depth=queue.depth,
    )

    async def on_error(error, _scope):
        errors.append(error)

    # An application is typed differently by httpx and by Litestar.
    app: Any = create_app(desk, "1.2.3", on_error, lambda _: nullcontext())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://receiver", headers={HEADER: KEY}
    ) as client:
        yield Receiver(app, client, queue, clock, errors)
