"""What the tests of roles that wait and that send share."""

import asyncio
from pathlib import Path

import pytest

from telemetry.entrypoints.process import runtime
from tests.entrypoints.roles.replaying import DEFINITIONS, FRAMES, write
from tests.fakes import FakeGateway


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses that a role asks for, in seconds; none of them is made."""
    asked: list[float] = []

    async def pause(_stopping: asyncio.Event, seconds: float) -> None:
        asked.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(runtime, "pause", pause)
    return asked


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def dbc(tmp_path: Path) -> Path:
    return write(tmp_path / "small.dbc", DEFINITIONS.splitlines())


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    return write(tmp_path / "drive.log", FRAMES)
