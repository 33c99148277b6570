"""Options of commands: a bad value ends in one line that names the option, whatever the command."""

import argparse
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from telemetry.entrypoints.process import cli
from telemetry.entrypoints.process.options import Parser, hour
from tests.builders import HOUR

NONSENSE = [
    ("receiver", "--port", "99999"),
    ("receiver", "--port", "0"),
    ("receiver", "--port", "http"),
    ("receiver", "--workers", "0"),
    ("aggregator", "--hour", "yesterday"),
    ("aggregator", "--from", "2025-10-19"),
    ("simulator", "--vehicles", "-1"),
    ("simulator", "--vehicles", "1.5"),
    ("simulator", "--duration", "-5"),
    ("simulator", "--duration", "nan"),
    ("simulator", "--duration", "inf"),
    ("simulator", "--seed", "-1"),
    ("simulator", "--profile", "fly"),
    ("simulator", "--variant", "i4"),
    ("simulator", "--ambient", "1e12"),
    ("simulator", "--soh", "0"),
    ("simulator", "--connections", "0"),
    ("simulator", "--patience", "-1"),
    ("simulator", "--clock-skew", "2"),
    ("load-test", "--messages", "0"),
    ("load-test", "--rate", "0"),
    ("load-test", "--settle", "nan"),
    ("replay", "--speed", "-1"),
    ("replay", "--start", "now"),
    ("demo", "--vehicles", "0"),
    ("demo", "--duration", "0"),
    ("estimate", "--vehicles", "-5"),
    ("estimate", "--rate-hz", "0"),
    ("health", "--within", "0"),
]
REQUIRED = {"replay": ["run.log", "--vehicle-id", "v"], "health": ["consumer"]}


@pytest.mark.parametrize("words", NONSENSE, ids=" ".join)
def test_a_bad_value_ends_in_one_line_that_names_the_option(words, tmp_path, monkeypatch, capsys):
    command, option, value = words
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main([command, *REQUIRED.get(command, []), option, value])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"telemetry {command}: argument {option}: ")
    assert value in said or "it is a" in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []  # nothing was started


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["prove"], "--ledger"),
        (["replay", "run.log"], "--vehicle-id"),
        (["provision"], "--dry-run --apply"),
        (["dead-letters", "show"], "name"),
        (["consumer", "--fast"], "--fast"),
        (["health", "receiver"], "'receiver'"),
    ],
)
def test_what_is_missing_or_unknown_is_named_in_one_line(arguments, complaint, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


class _Some(msgspec.Struct, frozen=True):
    port: Annotated[int, Meta(ge=1)] = 80
    file: Path | None = None
    long_name_s: float = msgspec.field(default=2, name="long_name")


def test_options_have_the_defaults_of_their_struct_unless_they_are_given(capsys):
    parser = Parser.of("any", "What it does.")
    parser.add(_Some, port="PORT: to listen on", file="FILE: to write", long_name="SECONDS: to wait")
    assert parser.read([]).to(_Some) == _Some()
    given = parser.read(["--port", "8000", "--file", "a/b", "--long-name", "0.5"])
    assert given.to(_Some) == _Some(8000, Path("a/b"), 0.5)
    with pytest.raises(SystemExit):
        parser.read(["--help"])
    said = capsys.readouterr().out
    assert "--port PORT" in said
    assert "to listen on (default: 80)" in said
    assert "--long-name SECONDS" in said
    assert "to write\n" in said


def test_an_hour_is_one_of_utc():
    assert hour("2025-10-19T14") == HOUR
    assert hour("1970-01-02T01") == 25
    with pytest.raises(argparse.ArgumentTypeError, match="like 2025-10-19T14"):
        hour("2025-10-19 14")
