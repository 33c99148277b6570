"""A load that ended early, or was not accepted as a whole, speaks against a run."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from telemetry.domain.contract.record import Record, Rejection
from telemetry.domain.proof.manifest import Manifest
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import sending
from telemetry.entrypoints.shared.faults.load import Load
from tests.builders import a_record


class Sender:
    """Takes records in the way that it is told to, and writes them down."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.failures: list[str] = []
        self.rejected: list[Rejection] = []
        self.sends = asyncio.Event()
        self.error: Exception | None = None

    async def send(self, records: Sequence[Record]) -> None:
        self.sends.set()
        if self.error:
            raise self.error
        self.manifest.add_sent(records)
        self.manifest.add_accepted(records)


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    made = Load(Container(settings=Settings()), "http://127.0.0.1:9")
    made.sender_made = Sender(made.manifest)  # type: ignore[attr-defined]

    @asynccontextmanager
    async def sender(*_: Any) -> AsyncIterator[Any]:
        yield made.sender_made  # type: ignore[attr-defined]

    monkeypatch.setattr(sending, "sender", sender)
    return made


def sender_of(load: Load) -> Sender:
    found: Sender = load.sender_made  # type: ignore[attr-defined]
    return found


async def test_a_load_that_is_accepted_has_nothing_against_it(load: Load):
    async with load.running():
        await sender_of(load).sends.wait()
    assert load.objections() == []


async def test_a_load_that_ends_early_is_named(load: Load):
    sender_of(load).error = OSError("no more files")
    async with load.running():
        await sender_of(load).sends.wait()
        await asyncio.sleep(0)
    assert load.objections() == ["the load ended early: OSError: no more files"]


async def test_a_load_that_is_refused_is_named(load: Load):
    sender = sender_of(load)
    sender.failures += ["401: the key is refused", "again"]
    sender.rejected.append(Rejection(0, "payload: it is none"))
    async with load.sender(1):
        load.manifest.add_sent([a_record()])
    assert load.objections() == [
        "bodies that were not sent: 2, the first: 401: the key is refused",
        "good records that were rejected: 1, the first: payload: it is none",
        "records that were sent: 1, and accepted: 0",
    ]


async def test_a_record_that_passes_in_vain_is_said_to(load: Load, monkeypatch: pytest.MonkeyPatch):
    async def accepts(_record: Record) -> bool:
        return False

    monkeypatch.setattr(load, "_accepts", accepts)
    with pytest.raises(TimeoutError, match="no record passed all roles within 0.01 s"):
        await load.recover(0.01)
