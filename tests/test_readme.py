"""The README names what there is."""

from pathlib import Path

import msgspec
import pytest

from telemetry.entrypoints.process import cli
from telemetry.entrypoints.process.settings import Settings

README = (Path(__file__).parent.parent / "README.md").read_text()


@pytest.mark.parametrize("name", [field.name.upper() for field in msgspec.structs.fields(Settings)])
def test_every_setting_is_explained(name: str):
    assert f"`{name}`" in README


@pytest.mark.parametrize("role", sorted(cli.ROLES))
def test_every_command_is_listed(role: str):
    assert f"| `telemetry {role}" in README


@pytest.mark.parametrize("command", ["demo", "test", "lint"])
def test_the_commands_are_there_to_be_run(command: str):
    makefile = (Path(__file__).parent.parent / "Makefile").read_text()
    assert f"make {command}" in README
    assert f"\n{command}:" in makefile
