"""The README, and the pages that it sends its readers to, name what there is."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from pathlib import Path

import msgspec
import pytest

from telemetry.entrypoints.process import cli
from telemetry.entrypoints.process.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = (ROOT / "docs" / "commands.md").read_text()
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
SCREENS = 130
"""How many lines the README has at most, beside the addresses of its links."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

Rooms = Mapping[str, set[str]]
"""The names of modules and rooms in each room: `telemetry.domain.can` has `bits` and others."""

SHARED_BY_ADAPTERS = {
    "telemetry.adapters.aws",
    "telemetry.adapters.folders",
    "telemetry.adapters.storage.temporary",
}
"""What several adapters use, and so is not among those that do not know each other."""


@pytest.mark.parametrize("name", [field.name.upper() for field in msgspec.structs.fields(Settings)])
def test_every_setting_is_explained(name: str):
    assert f"| `{name}` |" in CONFIGURATION


@pytest.mark.parametrize("role", sorted(cli.ROLES))
def test_every_command_is_listed(role: str):
    assert f"| `telemetry {role}" in COMMANDS


@pytest.mark.parametrize("command", ["demo", "test", "lint"])
def test_the_commands_are_there_to_be_run(command: str):
    makefile = (ROOT / "Makefile").read_text()
    assert f"make {command}" in README
    assert f"\n{command}:" in makefile


def test_it_is_two_screens_long():
    assert len([line for line in README.splitlines() if not re.match(r"\[.+\]: ", line)]) <= SCREENS


def test_every_link_holds_where_only_the_readme_is_shown():
    links = re.findall(r"(?:\]\(|^\[.+\]: )([^)\s]+)", README, re.MULTILINE)
    assert links
    assert [each for each in links if not each.startswith("https://")] == []
    ours = [each for each in links if each.startswith(f"{PROJECT['urls']['Repository']}/")]
    paths = [
        re.sub(r"^(?:blob|raw|tree)/main/", "", each[len(PROJECT["urls"]["Repository"]) + 1 :])
        for each in ours
    ]
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path.partition("#")[0]).exists()] == []
    text = re.sub(r"```.*?```|`[^`]*`", "", README, flags=re.DOTALL)
    named = {label or words for words, label in re.findall(r"\[([^\]`\"$]+)\](?:\[([^\]]*)\])?(?!:)", text)}
    assert named == set(re.findall(r"^\[(.+)\]: ", README, re.MULTILINE))


def test_what_is_installed_is_this_distribution_and_no_other():
    asked = re.findall(r"pip install '?([\w-]+)\[", README + COMMANDS)
    assert set(asked) == {PROJECT["name"]}


def drawn() -> Rooms:
    """Read the map of the rooms: a folder ends in a slash, and the names in it are indented below it."""
    section = ARCHITECTURE.partition("\n## The map of all rooms\n")[2]
    lines = section.partition("```text\nsrc/")[2].partition("\n```")[0].splitlines()
    rooms: dict[str, set[str]] = {}
    path: list[str] = []
    for line in lines:
        depth = (len(line) - len(line.lstrip())) // 2
        path = path[:depth]
        room = re.match(r"(\w+)/(?:  |$)", line.strip())
        names = {room[1]} if room else {name.rstrip("/") for name in line.strip().split(" · ")}
        if path:
            rooms[".".join(path)] |= names
        if room:
            path.append(room[1])
            rooms[".".join(path)] = set()
    return rooms


def checked() -> Rooms:
    """Read what the contracts divide: the layers of each container, and the independent adapters."""
    rooms: dict[str, set[str]] = {}
    for contract in contracts():
        if contract["type"] == "layers":
            rooms[contract["containers"].strip()] = set(re.findall(r"\w+", contract["layers"]))
        elif contract["type"] == "independence":
            for module in [*contract["modules"].split(), *SHARED_BY_ADAPTERS]:
                add(rooms, module, below="telemetry.adapters")
    return rooms


def contracts() -> Iterator[Mapping[str, str]]:
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter")
    return (parser[name] for name in parser.sections() if ":contract:" in name)


def add(rooms: dict[str, set[str]], module: str, below: str) -> None:
    """Put a module into its room, and that into the one around it."""
    while module != below:
        room, _, name = module.rpartition(".")
        rooms.setdefault(room, set()).add(name)
        module = room


def there(room: str) -> set[str]:
    """List the modules and packages of a room."""
    folder = ROOT / "src" / room.replace(".", "/")
    modules = {each.stem for each in folder.glob("*.py")} - {"__init__"}
    return modules | {each.parent.name for each in folder.glob("*/__init__.py")}


def test_the_map_is_that_of_the_contracts_room_by_room_and_name_by_name():
    assert drawn() == checked()


@pytest.mark.parametrize("room", sorted(drawn()))
def test_the_map_is_true_to_the_folders(room: str):
    assert drawn()[room] == there(room)
