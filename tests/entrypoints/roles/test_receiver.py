"""`telemetry receiver` knows who may send before it listens."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from dependency_injector import providers

from telemetry.adapters.clock import ManualClock, SystemClock
from telemetry.adapters.http.auth import HEADER, Grant
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.entrypoints.process import log
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.kinds import Secret, SettingsError
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.roles import receiver
from tests.builders import a_message
from tests.fakes import FailingQueue


def test_the_key_of_the_fleet_may_send_for_every_vehicle():
    (grant,) = receiver.grants(Settings(api_key=Secret("k"), ingest_rate=5))
    assert (grant.key, list(grant.vehicles), grant.rate) == ("k", ["*"], 5)


def test_further_keys_come_from_a_file(tmp_path: Path):
    file = tmp_path / "keys.json"
    file.write_text('[{"key": "depot", "vehicles": ["depot-7-*"], "rate": 500}]')
    fleet, depot = receiver.grants(Settings(api_key=Secret("k"), api_keys_file=file))
    assert (fleet.key, depot.key) == ("k", "depot")
    assert list(depot.vehicles) == ["depot-7-*"]


@pytest.mark.parametrize("content", [None, "{", '[{"vehicles": []}]'])
def test_a_file_of_keys_that_cannot_be_read_is_named(tmp_path: Path, content: str | None):
    file = tmp_path / "keys.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match="^API_KEYS_FILE: "):
        receiver.grants(Settings(api_key=Secret("k"), api_keys_file=file))


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"key": "k"}, "entry 1: it has the same key as API_KEY"),
        ({"key": "k", "name": "depot"}, "depot: it has the same key as API_KEY"),
        ({"key": "other", "name": "API_KEY"}, "API_KEY: it has the name API_KEY"),
    ],
)
def test_the_key_of_the_fleet_is_not_in_the_file_too(tmp_path: Path, entry: object, why: str):
    file = tmp_path / "keys.json"
    file.write_text(json.dumps([entry]))
    with pytest.raises(SettingsError, match=f"^API_KEYS_FILE: .*{why}$"):
        receiver.grants(Settings(api_key=Secret("k"), api_keys_file=file))


def test_without_any_key_nobody_could_send():
    with pytest.raises(SettingsError, match="^API_KEY: not set"):
        receiver.grants(Settings())


def test_a_queue_in_memory_gives_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("API_KEY", "hush")
    monkeypatch.setenv("QUEUE_BACKEND", "memory")
    receiver.create()
    warned = capsys.readouterr().err
    assert "QUEUE_BACKEND=memory" in warned
    assert "hush" not in warned


RECORD = a_message(payload={"battery_soc": 85.5})
FLEET, DEPOT, NOBODY = "key-of-the-fleet", "key-of-a-depot", "key-of-nobody"


def client_of(app: Any, key: str = FLEET) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {HEADER: key, "Content-Type": "application/json"}
    return httpx.AsyncClient(transport=transport, base_url="http://receiver", headers=headers)


@pytest.mark.usefixtures("restored_logging")
@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_no_key_is_ever_in_an_answer_or_in_the_log(log_format: Any, capsys: pytest.CaptureFixture[str]):
    configured = Settings(storage_backend="memory", log_format=log_format)
    queue = FailingQueue(SystemClock())
    container = Container(settings=configured, queue=providers.Object(queue))
    who = [Grant(FLEET, rate=1), Grant(DEPOT, vehicles=["depot-7-*"])]
    app = receiver.assemble(container, who, log.configure(configured, "Receiver"))
    depots = json.dumps(RECORD | {"vehicle_id": "depot-7-1"})
    answers = []
    async with client_of(app) as client:
        for key, content in (
            (FLEET, json.dumps([RECORD] * 100)),
            (FLEET, json.dumps(RECORD)),
            (DEPOT, "{"),
            (DEPOT, json.dumps(RECORD)),
            (NOBODY, json.dumps(RECORD)),
        ):
            answers.append(await client.post("/ingest", content=content, headers={HEADER: key}))
        for error in (QueueUnavailableError("/srv/queue.db is gone"), RuntimeError("never seen before")):
            queue.failing, queue.failure = {"send"}, error
            answers.append(await client.post("/ingest", content=depots, headers={HEADER: DEPOT}))
    assert [answer.status_code for answer in answers] == [202, 429, 400, 403, 401, 503, 500]
    said = "".join(f"{answer.headers} {answer.text}" for answer in answers)
    logged = capsys.readouterr().err
    assert not any(key in said + logged for key in (FLEET, DEPOT, NOBODY))
    for secret in ("/srv/queue.db is gone", "never seen before"):
        assert secret in logged
        assert secret not in said


@pytest.mark.usefixtures("restored_logging")
async def test_what_senders_do_wrong_is_logged_once_a_key_and_reason_with_a_count(
    capsys: pytest.CaptureFixture[str],
):
    configured = Settings(queue_backend="memory", storage_backend="memory")
    clock = ManualClock()
    container = Container(settings=configured, clock=providers.Object(clock))
    who = [Grant(FLEET, name="fleet"), Grant(DEPOT, vehicles=["depot-*"], name="depot")]
    app = receiver.assemble(container, who, log.configure(configured, "Receiver"))
    bad = json.dumps([RECORD | {"can_id": "7"}, RECORD | {"payload": {"battery_soc": 101}}, RECORD])
    async with client_of(app) as client:
        for _ in range(50):
            await client.post("/ingest", content=bad)
            await client.post("/ingest", content="{")
            await client.post("/ingest", content=json.dumps(RECORD), headers={HEADER: DEPOT})
            await client.post("/ingest", headers={HEADER: NOBODY})
        assert (await client.get("/nowhere")).status_code == 404
        logged = capsys.readouterr().err.splitlines()
        assert [line.partition("WARNING [Receiver] ")[2].partition(", error=")[0] for line in logged] == [
            "Records rejected: key=fleet, reason=can_id, count=1",
            "Records rejected: key=fleet, reason=payload, count=1",
            "Requests refused: key=fleet, status=400, count=1",
            "Requests refused: key=depot, status=403, count=1",
            "Requests refused: key=-, status=401, count=1",
        ]
        clock.advance(10)
        await client.post("/ingest", content=bad)
        assert "Records rejected: key=fleet, reason=payload, count=50" in capsys.readouterr().err


@pytest.mark.usefixtures("restored_logging")
async def test_an_expired_key_is_refused_with_the_reason_and_logged_by_its_name(
    capsys: pytest.CaptureFixture[str],
):
    configured = Settings(queue_backend="memory", storage_backend="memory")
    clock = ManualClock(999)
    container = Container(settings=configured, clock=providers.Object(clock))
    who = [Grant(FLEET, name="fleet", expires_ms=1000)]
    app = receiver.assemble(container, who, log.configure(configured, "Receiver"))
    async with client_of(app) as client:
        assert (await client.post("/ingest", content=json.dumps(RECORD))).status_code == 202
        clock.advance(0.001)
        answer = await client.post("/ingest", content=json.dumps(RECORD))
    assert answer.status_code == 401
    assert "has expired" in answer.json()["detail"]
    assert "Requests refused: key=fleet, status=401" in capsys.readouterr().err


@pytest.mark.usefixtures("restored_logging")
@pytest.mark.parametrize(
    "error", [QueueUnavailableError("the disk is full"), RuntimeError("never seen before")]
)
async def test_a_fault_that_lasts_is_one_line_a_second_with_a_count(
    capsys: pytest.CaptureFixture[str], error: Exception
):
    configured = Settings(storage_backend="memory")
    clock = ManualClock()
    queue = FailingQueue(clock)
    container = Container(settings=configured, clock=providers.Object(clock), queue=providers.Object(queue))
    app = receiver.assemble(container, [Grant(FLEET)], log.configure(configured, "Receiver"))
    async with client_of(app) as client:
        queue.failing, queue.failure = {"send"}, error
        for _ in range(3):
            for _ in range(100):
                await client.post("/ingest", content=json.dumps(RECORD))
            clock.advance(1)
    logged = [line for line in capsys.readouterr().err.splitlines() if "ERROR" in line]
    assert [line.rpartition("count=")[2] for line in logged] == ["1", "100", "100"]


@pytest.mark.usefixtures("restored_logging")
async def test_an_embedded_queue_that_is_full_is_logged_by_the_name_of_its_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    configured = Settings(data_dir=tmp_path, queue_max_bytes=1)
    container = Container(settings=configured)
    app = receiver.assemble(container, [Grant(FLEET)], log.configure(configured, "Receiver"))
    async with client_of(app) as client:
        answer = await client.post("/ingest", content=json.dumps(RECORD))
        assert answer.status_code == 503
        assert str(tmp_path) not in answer.text
        assert (await client.get("/health/ready")).status_code == 503
        assert (await client.get("/health/live")).status_code == 200
        await container.queue().close()
        assert (await client.get("/health/ready")).status_code == 503
    assert "QUEUE_MAX_BYTES" in capsys.readouterr().err


async def test_a_receiver_that_stops_closes_its_queue(tmp_path: Path):
    container = Container(settings=Settings(data_dir=tmp_path))
    app = receiver.assemble(container, [Grant(FLEET)], structlog.get_logger())
    async with app.lifespan():
        await container.queue().send([b"{}"])
    with pytest.raises(QueueUnavailableError, match="closed"):
        await container.queue().depth()
