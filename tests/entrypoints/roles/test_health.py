"""`telemetry health`: whether the processes of a role on this host still finish their turns."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry.entrypoints.process import cli, heartbeat, presence
from telemetry.entrypoints.process.heartbeat import FOLDER, Heartbeat


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def make_older(data: Path, age_s: float) -> None:
    """Move the only sign of life into the past."""
    (file,) = (data / FOLDER).iterdir()
    then = file.stat().st_mtime - age_s
    os.utime(file, (then, then))


def test_where_no_process_runs_it_is_bad(capsys):
    assert cli.main(["health", "consumer"]) == 1
    assert capsys.readouterr().err == "no consumer runs here\n"


def test_a_process_that_has_just_finished_a_turn_is_well(data, capsys):
    with Heartbeat(data, "consumer"):
        assert cli.main(["health", "consumer"]) == 0
        assert cli.main(["health", "aggregator"]) == 1  # which is another role
    said = capsys.readouterr()
    assert said.out == f"consumer {os.getpid()} finished a turn 0 s ago\n"


def test_a_process_that_finished_no_turn_for_a_minute_is_bad_until_it_does(data, capsys):
    with Heartbeat(data, "aggregator") as beating:
        make_older(data, 61)
        assert cli.main(["health", "aggregator"]) == 1
        assert capsys.readouterr().err == f"aggregator {os.getpid()} finished its last turn 61 s ago\n"
        assert cli.main(["health", "aggregator", "--within", "90"]) == 0
        beating.beat()
        assert cli.main(["health", "aggregator"]) == 0


def test_a_process_that_ended_in_order_leaves_no_sign(data):
    with Heartbeat(data, "consumer"):
        pass
    assert list((data / FOLDER).iterdir()) == []


def test_a_process_that_was_killed_does_not_count_and_its_sign_is_removed(data):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with Heartbeat(data, "consumer"):
        (data / FOLDER / f"consumer@{presence._HOST}@{gone.pid}").touch()
        (data / FOLDER / "consumer@another-host@1").touch()
        assert [sign.pid for sign in heartbeat.signs(data, "consumer")] == [os.getpid()]
    assert [file.name for file in (data / FOLDER).iterdir()] == ["consumer@another-host@1"]


def test_a_role_was_seen_when_any_of_its_processes_was_wherever_it_runs(data):
    assert heartbeat.last_seen_s(data, "consumer") is None
    with Heartbeat(data, "consumer"):
        make_older(data, 100)
        assert heartbeat.last_seen_s(data, "consumer") == pytest.approx(100, abs=50)
        (data / FOLDER / "consumer@another-host@1").touch()
        age_s = heartbeat.last_seen_s(data, "consumer")
        assert age_s is not None
        assert age_s < 50
        assert heartbeat.last_seen_s(data, "aggregator") is None


def test_a_process_of_somebody_else_lives_too(data, monkeypatch):
    def refuse(*_: int) -> None:
        raise PermissionError

    with Heartbeat(data, "consumer"):
        monkeypatch.setattr(os, "kill", refuse)
        assert [sign.pid for sign in heartbeat.signs(data, "consumer")] == [os.getpid()]
