"""`telemetry receiver` knows who may send before it listens."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from dependency_injector import providers

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.http.auth import HEADER, Grant
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.entrypoints.process import log
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Secret, Settings, SettingsError
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
async def test_what_senders_do_wrong_is_answered_and_not_logged(capsys: pytest.CaptureFixture[str]):
    configured = Settings(queue_backend="memory", storage_backend="memory")
    app = receiver.assemble(
        Container(settings=configured), [Grant(FLEET)], log.configure(configured, "Receiver")
    )
    async with client_of(app) as client:
        for content in ("{", "3", " " * (configured.ingest_max_body + 1)):
            assert (await client.post("/ingest", content=content)).status_code >= 400
        assert (await client.post("/ingest", headers={HEADER: NOBODY})).status_code == 401
        assert (await client.get("/nowhere")).status_code == 404
    assert capsys.readouterr().err == ""


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
        assert (await client.get("/health/ready")).status_code == 200
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
