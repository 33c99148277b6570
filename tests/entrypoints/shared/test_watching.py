"""The six numbers are read from what roles tell, here and elsewhere, and from queue and store."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock, SystemClock
from telemetry.adapters.metrics.consumer import ConsumerMetrics
from telemetry.adapters.metrics.receiver import ReceiverMetrics
from telemetry.domain.store import objects
from telemetry.domain.watch.lately import Lately, Role, Tallies
from telemetry.domain.watch.vitals import Vital, Vitals
from telemetry.entrypoints.process import presence
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.runtime import free_port
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import telling, watching
from telemetry.entrypoints.shared.telling import FOLDER
from telemetry.entrypoints.shared.watching import Watching
from tests.builders import a_record, an_envelope, put_batch
from tests.waiting import until

CLOCK = SystemClock()


@pytest.fixture(autouse=True)
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what was told or read count as fresh, however long a test takes."""
    monkeypatch.setattr(telling, "_FRESH_S", 600)
    monkeypatch.setattr(watching, "_FRESH_MS", 1000)
    monkeypatch.setattr(watching, "_MORE_MS", 600_000)


def tell(data_dir: Path, role: Role, *, name: str = "", at_ms: int | None = None) -> Path:
    """Write the file of a process that stored 50 records a second."""
    at_ms = CLOCK.wall_ms() if at_ms is None else at_ms
    counted = Lately(role, Tallies(at_ms, stored=500, looked_ms=at_ms), Tallies(at_ms - 10_000))
    file = data_dir / FOLDER / name if name else presence.own(data_dir / FOLDER, role)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(counted))
    return file


@asynccontextmanager
async def a_watch(**settings: object) -> AsyncIterator[Watching]:
    container = Container(settings=Settings(**settings))  # type: ignore[arg-type]
    try:
        yield Watching(container)
    finally:
        await container.lookout().close()
        await container.archive_reader().close()


def number(name: str, found: Vitals) -> Vital:
    return next(each for each in found.vitals if each.name == name)


async def test_a_process_tells_while_it_runs_and_leaves_nothing(tmp_path: Path):
    metrics = ConsumerMetrics("1.2.3", tmp_path)
    async with telling.telling("consumer", tmp_path, metrics.tallies, CLOCK):
        await until(lambda: list(telling.told(tmp_path, CLOCK.wall_ms())))
        (file,) = (tmp_path / FOLDER).iterdir()
        assert file.stat().st_size == 4096
    assert list((tmp_path / FOLDER).iterdir()) == []


async def test_a_disk_that_refuses_ends_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    refused = asyncio.Event()
    loop = asyncio.get_running_loop()

    def refuse(*_: object) -> None:
        loop.call_soon_threadsafe(refused.set)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    async with telling.telling("consumer", tmp_path, Tallies, CLOCK):
        await refused.wait()
        assert list(telling.told(tmp_path, CLOCK.wall_ms())) == []


async def test_a_role_that_may_not_write_there_goes_on_without_telling(tmp_path: Path, caplog):
    (tmp_path / FOLDER).write_text("no folder")
    async with telling.telling("receiver", tmp_path, Tallies, CLOCK):
        assert (tmp_path / FOLDER).read_text() == "no folder"
    assert "Nothing is told to telemetry status" in caplog.text


def test_what_is_old_or_was_left_by_a_killed_process_is_not_told(tmp_path: Path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tell(tmp_path, "consumer", name=f"consumer@{presence._HOST}@{gone.pid}")
    tell(tmp_path, "receiver", at_ms=CLOCK.wall_ms() - 3_600_000)
    tell(tmp_path, "aggregator", name="aggregator@another-host@1")
    assert [each.role for each in telling.told(tmp_path, CLOCK.wall_ms())] == ["aggregator"]
    assert not left.exists()


async def test_an_empty_machine_lacks_every_role(tmp_path: Path):
    async with a_watch(data_dir=tmp_path) as watch:
        found = await watch.read()
    assert {each.why for each in found.vitals if each.wrong} == {
        "no receiver runs",
        "no consumer runs",
        "no aggregator runs",
    }
    assert list(tmp_path.iterdir()) == []  # looking makes nothing


async def test_roles_queue_and_store_are_read_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watching, "_FRESH_MS", 600_000)
    for role in ("receiver", "consumer", "aggregator"):
        tell(tmp_path, role)
    made = Container(settings=Settings(data_dir=tmp_path))
    await made.queue().send([an_envelope(a_record())])
    await made.queue().close()
    await made.storage().put(f"{objects.QUARANTINE}year=2025/quarantine-1-0.jsonl", b"")
    async with a_watch(data_dir=tmp_path) as watch:
        found = await watch.read()
        assert await watch.read() is found  # others who ask meanwhile get the same
    assert found.roles == {"receiver": 1, "consumer": 1, "aggregator": 1}
    assert number("stored", found).value == 50.0
    assert number("oldest", found).value == pytest.approx(0, abs=30)
    assert (number("dead_letters", found).value, number("dead_letters", found).wrong) == (1, True)


async def test_what_no_aggregator_looks_at_is_overdue(tmp_path: Path):
    now_ms = CLOCK.wall_ms()
    await put_batch(
        Container(settings=Settings(data_dir=tmp_path)).storage(),
        a_record(timestamp_ms=now_ms, received_ms=now_ms),
    )
    async with a_watch(data_dir=tmp_path) as watch:
        found = number("hours_overdue", await watch.read())
    assert (found.value, found.help) == (1, "telemetry aggregator")
    tell(tmp_path, "aggregator")
    async with a_watch(data_dir=tmp_path) as watch:
        assert not number("hours_overdue", await watch.read()).wrong


async def test_what_is_wrong_since_nobody_knows_when_is_so_since_it_was_first_seen(tmp_path: Path):
    clock = ManualClock(CLOCK.wall_ms())
    async with a_watch(data_dir=tmp_path) as watch:
        watch._clock = clock
        first = number("rejected", await watch.read())
        clock.advance(30)
        later = number("rejected", await watch.read())
    assert first.since == first.second
    assert (later.since, later.second) != (first.since, first.second)
    assert later.since == first.since


async def test_roles_of_other_machines_are_asked_for_their_metrics(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(watching, "_BETWEEN_S", 0.05)
    port = free_port()
    metrics = ConsumerMetrics("1.2.3", tmp_path)
    metrics.serve("127.0.0.1", port)
    urls = f"http://127.0.0.1:{port}/metrics, http://127.0.0.1:{free_port()}/metrics"
    async with a_watch(
        data_dir=tmp_path, queue_backend="sqs", storage_backend="memory", metrics_urls=urls
    ) as watch:
        found = await watch.read()
    assert found.roles == {"receiver": 0, "consumer": 1, "aggregator": 0}
    assert number("stored", found).value == 0.0
    assert number("rejected", found).why == "no receiver runs"


def test_roles_that_may_run_elsewhere_are_not_missed_here():
    assert watching.expected(Settings(queue_backend="sqs", storage_backend="s3")) == set()
    assert watching.expected(Settings(storage_backend="s3")) == {"receiver", "consumer"}


def test_tallies_of_a_receiver_are_of_its_own_process():
    assert ReceiverMetrics("1.2.3", Path(), lambda: 0).tallies(1) == Tallies(1)
