"""`telemetry completion SHELL`: prints what lets a shell complete commands, options and their values.

For bash, add `source <(telemetry completion bash)` to `~/.bashrc`. For zsh, write what is printed to a file
`_telemetry` in a folder of `$fpath`, and for fish to `~/.config/fish/completions/telemetry.fish`.
"""

import re
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final, Literal, get_args

import msgspec
import shtab

from telemetry.entrypoints.process.cli import ROLES
from telemetry.entrypoints.process.options import Parser

Shell = Literal["bash", "zsh", "fish"]

_A_FILE: Final = re.compile(r"FILE|LOG|FOLDER")
"""What a value is called in the help of an option, if it is the name of a file."""


class CompletionOptions(msgspec.Struct, frozen=True):
    """For which shell."""

    shell: Shell


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("completion", __doc__)
    parser.add_argument("shell", choices=get_args(Shell), help="which shell")
    options = parser.read(arguments).to(CompletionOptions)
    sys.stdout.write(shtab.complete(_program(), options.shell))
    return 0


def _program() -> ArgumentParser:
    """Put the parsers of all commands together, as the words of a command line follow each other."""
    program = ArgumentParser("telemetry", description="battery telemetry, from the vehicle to hourly figures")
    program.add_argument("--version", action="version", help="print the version")
    commands = program.add_subparsers()
    for role, what in ROLES.items():
        module = import_module(f"telemetry.entrypoints.roles.{role.replace('-', '_')}")
        parser = Parser.of_command(module.main)
        _mark_files(parser)
        commands.add_parser(role, help=what, description=what, parents=[parser], add_help=False)
    return program


def _mark_files(parser: ArgumentParser) -> None:
    """Let the names of files be completed where a value is one, in a command and in what is below it."""
    for action in parser._actions:  # noqa: SLF001  # argparse has no other list of them
        if isinstance(action.metavar, str) and _A_FILE.search(action.metavar):
            vars(action)["complete"] = shtab.FILE
        if isinstance(action.choices, Mapping):
            for below in action.choices.values():
                _mark_files(below)
