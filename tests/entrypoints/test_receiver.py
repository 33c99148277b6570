"""`telemetry receiver` knows who may send before it listens."""

from pathlib import Path

import pytest

from telemetry.entrypoints import receiver
from telemetry.entrypoints.settings import Secret, Settings, SettingsError


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


def test_a_queue_in_memory_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("API_KEY", "hush")
    monkeypatch.setenv("QUEUE_BACKEND", "memory")
    receiver.create()
    warned = capsys.readouterr().err
    assert "QUEUE_BACKEND=memory" in warned
    assert "hush" not in warned
