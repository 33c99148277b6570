"""The help of each command names the settings that steer it, and ends with an example that it takes."""

import shlex

import pytest

from telemetry.entrypoints.process import cli
from telemetry.entrypoints.process.guide import GUIDES
from telemetry.entrypoints.process.options import Arguments, Parser
from telemetry.entrypoints.process.settings import Settings

ROLES = sorted(cli.ROLES)


class _Taken(Exception):  # noqa: N818  # it is none
    """Ends a command once its arguments are taken."""


@pytest.mark.parametrize("role", ROLES)
def test_the_help_names_settings_and_an_example(role, capsys):
    with pytest.raises(SystemExit):
        cli.main([role, "--help"])
    said = capsys.readouterr().out
    assert said.endswith(f"example:\n  {GUIDES[role].example}\n")
    named = said.partition("settings (see telemetry settings):\n")[2].partition("\n\n")[0]
    assert named.replace(",", "").split() == GUIDES[role].settings
    assert named or role == "completion"
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize("role", ROLES)
def test_the_example_is_a_command_that_the_parser_takes(role, monkeypatch):
    def read(self: Parser, arguments: object) -> Arguments:
        self.parse_args(arguments)  # type: ignore[call-overload]  # as the command gives them
        raise _Taken

    monkeypatch.setattr(Parser, "read", read)
    words = shlex.split(GUIDES[role].example)
    command = words[words.index("telemetry") + 1 :]
    assert command[0] == role
    with pytest.raises(_Taken):
        cli.main(command)
    assert {word.partition("=")[0] for word in words[: words.index("telemetry")]} <= set(
        GUIDES[role].settings
    )


def test_every_setting_steers_a_command_beside_the_one_that_shows_it():
    steering = {name for role, guide in GUIDES.items() if role != "settings" for name in guide.settings}
    assert steering == {name.upper() for name in Settings.__struct_fields__}


def test_every_command_has_a_guide_and_no_other():
    assert sorted(GUIDES) == ROLES
