"""A receiver that is called without a network."""

from collections.abc import AsyncIterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.http.access import Access
from telemetry.adapters.http.app import create_app
from telemetry.adapters.http.auth import HEADER, Grant, Keyring
from telemetry.adapters.http.dashboard.feed import Feed
from telemetry.adapters.http.health import LastSend
from telemetry.adapters.http.intake import Buffer, Desk
from telemetry.adapters.http.session import Sessions
from telemetry.adapters.metrics.receiver import ReceiverMetrics
from telemetry.coordination.outbox import LingeringOutbox
from telemetry.domain.figures.report import Hours
from telemetry.domain.transport.ingest import Ingest
from telemetry.entrypoints.shared.readiness import ReceiverProbe
from tests.adapters.http.receiver import DEPOT, KEY, LIMIT, FakeSource, Receiver
from tests.builders import NOW, POLICY
from tests.fakes import FailingQueue, FailingStorage


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    clock, errors = ManualClock(NOW), list[Exception]()
    queue, storage, source = FailingQueue(clock), FailingStorage(clock), FakeSource()
    outbox = LingeringOutbox(queue, clock, linger_s=0, max_waiting=10_000_000)
    grants = [Grant(KEY, rate=1000, name="fleet"), Grant(DEPOT, vehicles=["depot-7-*"], name="depot")]
    keyring, last_send, rejected = Keyring(grants, clock), LastSend(), list[tuple[str, Mapping[str, int]]]()
    desk = Desk(
        ingest=Ingest(outbox, POLICY),
        keyring=keyring,
        clock=clock,
        metrics=ReceiverMetrics("1.2.3", Path(), lambda: 0),
        max_body=LIMIT,
        max_records=1_000,
        buffer=Buffer(10 * LIMIT, lambda: 0),
        last_send=last_send,
        probe=ReceiverProbe(queue, last_send, clock, None),
        access=Access("loopback", keyring, clock, Sessions(b"secret", keyring, clock)),
        on_rejected=lambda key, reasons: rejected.append((key, reasons)),
        hours=Hours(storage),
        feed=Feed(source, clock, every_s=0),
    )

    async def on_error(error, _scope):
        errors.append(error)

    # An application is typed differently by httpx and by Litestar.
    app: Any = create_app(desk, "1.2.3", on_error, lambda _: nullcontext())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://receiver", headers={HEADER: KEY}
    ) as client:
        yield Receiver(app, client, queue, clock, errors, rejected, keyring, storage, source)
