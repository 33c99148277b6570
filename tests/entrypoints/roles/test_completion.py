"""Shells complete commands, options and values from the script that `telemetry completion` prints."""

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest

from telemetry.entrypoints.process import cli
from telemetry.entrypoints.process.options import Parser

ROLES = sorted(cli.ROLES)
WORDS = [
    ("telemetry rec", ["receiver"]),
    ("telemetry query --f", ["--from", "--format"]),
    ("telemetry query --format p", ["parquet"]),
    ("telemetry keys a", ["add"]),
    ("telemetry keys add --v", ["--vehicles"]),
    ("telemetry simulator --plot dri", ["drive.png"]),
]
"""What is typed, and what it is completed to."""


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Path:
    """The script for a shell, in a folder in which there is a file."""
    (tmp_path / "drive.png").touch()
    assert cli.main(["completion", request.param]) == 0
    path = tmp_path / "script"
    path.write_text(capsys.readouterr().out)
    return path


def shell(script: Path, *arguments: str) -> str:
    if not (found := shutil.which(arguments[0])):
        pytest.skip(f"{arguments[0]} is not installed")
    done = subprocess.run(
        [found, *arguments[1:]], cwd=script.parent, capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def bash(script: Path, typed: Sequence[str]) -> list[list[str]]:
    """Let bash complete each of these lines as at the press of the tab key."""
    lines = ["source ./script"]
    for line in typed:
        words = line.split(" ")
        lines += [
            f"COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1} COMPREPLY=()",
            "$(complete -p telemetry | sed 's/.*-F \\([^ ]*\\).*/\\1/') telemetry",
            'echo "${COMPREPLY[*]}"',
        ]
    said = shell(script, "bash", "--norc", "-c", "\n".join(lines).replace("$(complete", "eval $(complete"))
    return [line.split() for line in said.splitlines()]


@pytest.mark.parametrize("script", ["bash"], indirect=True)
def test_bash_completes_commands_options_values_and_files(script: Path):
    assert bash(script, [typed for typed, _ in WORDS]) == [found for _, found in WORDS]


@pytest.mark.parametrize("script", ["bash"], indirect=True)
def test_bash_completes_all_options_of_every_command(script: Path):
    completed = bash(script, [f"telemetry {role} --" for role in ROLES])
    for role, found in zip(ROLES, completed, strict=True):
        module = import_module(f"telemetry.entrypoints.roles.{role.replace('-', '_')}")
        options = {
            word for word in Parser.of_command(module.main)._option_string_actions if word.startswith("--")
        }
        assert set(found) == options, role


@pytest.mark.parametrize("script", ["fish"], indirect=True)
def test_fish_completes_the_same(script: Path):
    for typed, found in WORDS:
        said = shell(script, "fish", "--no-config", "-c", f"source script; complete -C {shlex.quote(typed)}")
        assert {line.partition("\t")[0] for line in said.splitlines()} == set(found), typed


@pytest.mark.parametrize("script", ["zsh"], indirect=True)
def test_zsh_reads_the_script_and_knows_whose_it_is(script: Path):
    script.rename(script.with_name("_telemetry"))
    load = "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -d dump; print ${_comps[telemetry]}"
    assert shell(script, "zsh", "-f", "-c", load) == "_telemetry\n"
    shell(script, "zsh", "-f", "-n", "_telemetry")


def test_another_shell_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        cli.main(["completion", "csh"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_command_that_reads_no_arguments_has_no_parser():
    with pytest.raises(AssertionError, match="reads no arguments"):
        Parser.of_command(lambda _: 0)
