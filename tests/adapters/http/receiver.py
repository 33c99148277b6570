"""A receiver whose queue and clock are in the test's hand, and what is posted to it."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.http.auth import Keyring
from telemetry.domain.contract.moment import Hour
from telemetry.domain.contract.record import Record
from tests.builders import a_message, records_of
from tests.fakes import FailingQueue, FailingStorage, open_gate

LIMIT = 100_000
KEY = "the-key-of-the-fleet"
DEPOT = "the-key-of-a-depot"

RECORD = a_message(payload={"battery_soc": 85.5, "battery_current": -15.3})
GOOD = json.dumps(RECORD)
BAD = GOOD.replace("85.5", "101")


class FakeSource:
    """What the live page shows, as a test wants it."""

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {"numbers": b'{"at":1}', "hours": b"{}"}
        self.known: bytes | None = b'{"report":{}}'
        self.error: Exception | None = None
        self.asked: list[object] = []
        self.gate = open_gate()

    async def look(self) -> Mapping[str, bytes]:
        await self.gate.wait()
        return dict(self.parts)

    async def detail(self, hour: Hour) -> bytes | None:
        self.asked.append(hour)
        if self.error:
            raise self.error
        return self.known

    async def course(self, vehicle_id: str, hour: Hour) -> bytes:
        self.asked.append((vehicle_id, hour))
        if self.error:
            raise self.error
        return b'{"records":0}'

    async def close(self) -> None:
        pass


class Receiver(msgspec.Struct):
    """A receiver and what is around it."""

    app: Any
    client: httpx.AsyncClient
    queue: FailingQueue
    clock: ManualClock
    errors: list[Exception]
    rejected: list[tuple[str, Mapping[str, int]]]
    keyring: Keyring
    storage: FailingStorage
    source: FakeSource

    async def post(
        self, content: bytes | str, kind: str = "application/json", **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/ingest", content=content, headers={"Content-Type": kind} | named)

    async def queued(self) -> list[Record]:
        """Take what the queue holds, as records."""
        return records_of(await self.queue.receive(100, 0))


def problem(answer: httpx.Response) -> str:
    """Read the detail of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    return str(body["detail"])
