"""`telemetry`: a sub-command a role, and errors of one line."""

from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from telemetry.entrypoints.process import cli

ROLES = sorted(cli.ROLES)


pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_names_every_role(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    assert all(role in said for role in ROLES)


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"telemetry {version('battery-telemetry')}\n"


def test_an_unknown_role_is_named(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["harvester"]) == 2
    assert "'harvester'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("meant", "given"), [("receiver", "recever"), ("load-test", "loadtest"), ("dead-letters", "dead_letters")]
)
def test_an_unknown_role_that_is_like_another_is_asked_after(meant, given, capsys):
    assert cli.main([given]) == 2
    assert capsys.readouterr().err == f"telemetry: there is no command {given!r}, did you mean {meant}?\n"


def test_help_names_the_option_for_the_version(capsys):
    cli.main(["--help"])
    assert "telemetry --version\n" in capsys.readouterr().out


def test_arguments_come_from_the_command_line_unless_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.argv", ["telemetry", "--version"])
    assert cli.main() == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_main_and_help(role: str, capsys: pytest.CaptureFixture[str]):
    assert callable(import_module(f"telemetry.entrypoints.roles.{role.replace('-', '_')}").main)
    with pytest.raises(SystemExit) as ended:
        cli.main([role, "--help"])
    assert ended.value.code == 0
    assert f"telemetry {role}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["receiver"], "telemetry receiver: API_KEY: not set"),
        (["simulator"], "telemetry simulator: API_KEY: not set"),
        (["load-test"], "telemetry load-test: API_KEY: not set"),
    ],
)
def test_a_missing_key_is_said_in_one_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith(complaint)
    assert said.count("\n") == 1


@pytest.mark.parametrize("role", ["receiver", "consumer", "aggregator", "simulator", "load-test", "demo"])
def test_a_bad_setting_stops_every_role_at_start_by_name(
    role: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("BATCH_SIZE", "none")
    assert cli.main([role]) == 1
    assert capsys.readouterr().err.startswith(f"telemetry {role}: BATCH_SIZE: ")


@pytest.mark.parametrize("role", ["simulator", "load-test"])
def test_a_receiver_that_is_not_there_is_said_in_one_line(
    role: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("API_KEY", "k")
    assert cli.main([role, "--url", "http://127.0.0.1:1", "--patience", "0"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"telemetry {role}: http://127.0.0.1:1")
    assert said.count("\n") == 1


def test_a_queue_that_cannot_be_opened_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "file"))
    assert cli.main(["consumer"]) == 1
    assert "DATA_DIR" in capsys.readouterr().err


def test_an_interrupt_ends_quietly(monkeypatch: pytest.MonkeyPatch):
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("telemetry.entrypoints.roles.aggregator.main", interrupted)
    assert cli.main(["aggregator"]) == 130
