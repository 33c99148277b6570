"""A pipeline says which of its roles did not end in order, signals none that is gone, and knows who turns."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from telemetry.entrypoints.process import heartbeat, log
from telemetry.entrypoints.process.heartbeat import Heartbeat
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.roles import up
from telemetry.entrypoints.shared.faults import pipeline as pipelines
from telemetry.entrypoints.shared.faults import processes
from telemetry.entrypoints.shared.faults.pipeline import AGGREGATOR, CONSUMERS, NAMES, RECEIVER, Pipeline
from telemetry.entrypoints.shared.keeping import Keeper

ROLE = """
import os, pathlib, signal, socket, sys, time
role, data = sys.argv[1], pathlib.Path(os.environ["DATA_DIR"])
def end(*_):
    if role != os.environ.get("DEAF"):
        sys.exit(3 if role == os.environ.get("FAILING") else 0)
signal.signal(signal.SIGTERM, end)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
    manager.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
while True:
    time.sleep(60)
"""
"""A role that is ready at once, and ends in order unless it is the one that is deaf or fails."""


@asynccontextmanager
async def running(folder: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> AsyncIterator[Pipeline]:
    (folder / "telemetry.py").write_text(ROLE)
    monkeypatch.chdir(folder)  # `python -m` looks here first
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environment = {**inherited, "DATA_DIR": str(folder), **variables}
    with Keeper(folder / "logs", is_shown=False) as keeper:
        made = Pipeline({name: dict(environment) for name in NAMES}, 1, keeper, folder)
        await made.start()
        try:
            yield made
        finally:
            await made.stop()


async def test_roles_that_end_in_order_are_not_objected_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with running(tmp_path, monkeypatch) as made:
        assert await made.stop() == []


@pytest.mark.parametrize(("variable", "status"), [("DEAF", -signal.SIGKILL), ("FAILING", 3)])
async def test_a_role_that_does_not_end_in_order_and_in_time_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, status: int
):
    monkeypatch.setattr(pipelines, "_PATIENCE_S", 1.0)
    async with running(tmp_path, monkeypatch, **{variable: AGGREGATOR}) as made:
        assert await made.stop() == [
            f"aggregator was to stop within 1 s, and ended with status {int(status)}"
        ]


async def test_a_role_that_is_gone_is_not_signalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with running(tmp_path, monkeypatch) as made:
        await made.stop()
        with pytest.raises(ProcessLookupError, match="receiver does not run: it is ended"):
            made.signal(RECEIVER, signal.SIGKILL)


async def test_a_role_has_turned_if_its_sign_of_life_is_younger_than_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with running(tmp_path, monkeypatch) as made:
        assert made.have_turned([RECEIVER], 0)
        assert not made.have_turned(NAMES, 60)
        for name in (*CONSUMERS, AGGREGATOR):
            pid = made.pid(name)
            monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
            Heartbeat(tmp_path, name.partition("-")[0]).__enter__()
        assert made.have_turned(NAMES, 60)
        late = next(tmp_path.glob(f"{heartbeat.FOLDER}/consumer@*@{made.pid(CONSUMERS[1])}"))
        os.utime(late, (0, 0))
        assert made.have_turned([CONSUMERS[0], AGGREGATOR], 60)
        assert not made.have_turned(CONSUMERS, 60)


def test_an_end_is_told_as_up_tells_it(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    up._say_ended(log.configure(Settings(log_format="text"), "Up"), "receiver", -9, 0.5)
    printed = capsys.readouterr().err
    with Keeper(tmp_path, is_shown=False) as keeper:
        made = Pipeline({}, 1, keeper, tmp_path)
    made._ended("receiver", -9, 0.5)
    assert made.lines[0] in printed
    assert made.told(processes._ENDED.format("receiver", -9), 0)
