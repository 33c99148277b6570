"""What a missing extra is said to be installed with."""

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from telemetry.entrypoints.process import extras

ROOT = Path(__file__).parents[3]


def test_the_name_is_that_of_the_project_and_of_what_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] == extras.DISTRIBUTION == "battery-telemetry"
    assert project["version"] == version(extras.DISTRIBUTION)


@pytest.mark.parametrize("extra", ["can", "plot"])
def test_from_an_index_an_extra_is_named_by_the_distribution(tmp_path, extra):
    assert extras.install(extra, tmp_path) == f"pip install 'battery-telemetry[{extra}]'"


def test_in_a_checkout_an_extra_is_installed_from_there(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert extras.install("can") == "pip install -e '.[can]'"


def test_beside_a_checkout_its_folder_is_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert extras.install("plot") == f"pip install -e '{ROOT}[plot]'"
