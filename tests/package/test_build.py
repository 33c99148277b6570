"""A build is the same bytes wherever and whenever it is made, and holds what belongs into it."""

import hashlib
import os
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.package import building
from tests.package.building import Distributions

pytestmark = pytest.mark.long

OURS = {"LICENSE"}
"""The licence of what was written here; each other one is of something that is shipped with it."""


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def names(built: Distributions) -> tuple[set[str], set[str]]:
    """Return the files of the wheel and of the source distribution, without the folder around the latter."""
    with zipfile.ZipFile(built.wheel) as wheel, tarfile.open(built.source) as source:
        return set(wheel.namelist()), {name.partition("/")[2] for name in source.getnames()}


def test_two_builds_in_different_folders_and_under_different_rights_are_the_same_bytes(
    built: Distributions, tmp_path: Path
):
    before = os.umask(0o077)
    try:
        folder = building.copy_tracked(tmp_path / "elsewhere")
    finally:
        os.umask(before)
    for name in ("pyproject.toml", "src/telemetry/__init__.py"):
        os.utime(folder / name, (1, 1_000_000_000))
    again = building.distributions(building.build(folder))
    assert [each.name for each in again] == [each.name for each in built]
    assert [digest(each) for each in again] == [digest(each) for each in built]


def test_the_wheel_that_is_built_from_the_source_distribution_is_the_same(
    built: Distributions, tmp_path: Path
):
    (wheel,) = building.build(building.unpack(built.source, tmp_path), "wheel").glob("*.whl")
    assert digest(wheel) == digest(built.wheel)


def test_the_source_distribution_holds_what_is_tracked_and_nothing_that_lies_beside_it(tmp_path: Path):
    folder = building.copy_tracked(tmp_path / "checkout")
    for junk in (".env", "data/queue.db", "notes.txt", "src/telemetry/__pycache__/x.pyc", ".venv/pyvenv.cfg"):
        (folder / junk).parent.mkdir(parents=True, exist_ok=True)
        (folder / junk).write_text("x")
    (source,) = building.build(folder, "sdist").glob("*.tar.gz")
    with tarfile.open(source) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert held == {*building.tracked(), "PKG-INFO"}


def test_the_wheel_holds_the_whole_package_its_types_and_nothing_else(built: Distributions):
    wheel, _ = names(built)
    package = {name.removeprefix("src/") for name in building.tracked() if name.startswith("src/")}
    assert {name for name in wheel if ".dist-info/" not in name} == package
    assert "telemetry/py.typed" in wheel


def test_the_wheel_holds_the_licence_of_each_asset_that_others_made(built: Distributions):
    with zipfile.ZipFile(built.wheel) as wheel:
        (described,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        said = Parser().parsestr(wheel.read(described).decode())
        licences = set(said.get_all("License-File", []))
        held = {name.partition(".dist-info/licenses/")[2] for name in wheel.namelist()} - {""}
    assert said["License-Expression"] == "Apache-2.0"
    assert held == licences >= OURS
    foreign = [each for each in building.tracked() if each.startswith("src/") and ".min." in each]
    foreign += [each for each in building.tracked() if each.startswith("src/") and "swagger-ui" in each]
    assert foreign
    for asset in foreign:
        beside = {each for each in licences if Path(each).parent == Path(asset).parent}
        assert beside, f"{asset} has no licence beside it that is shipped"
