"""A receiver whose queue and clock are in the test's hand, and what is posted to it."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.http.auth import Keyring
from telemetry.domain.contract.record import Record
from tests.builders import a_message, records_of
from tests.fakes import FailingQueue, FailingStorage

LIMIT = 100_000
KEY = "the-key-of-the-fleet"
DEPOT = "the-key-of-a-depot"

RECORD = a_message(payload={"battery_soc": 85.5, "battery_current": -15.3})
GOOD = json.dumps(RECORD)
BAD = GOOD.replace("85.5", "101")


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
