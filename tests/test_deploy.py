"""What is deployed names commands and settings that there are; no image is built for these tests."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from telemetry.entrypoints.process import cli
from telemetry.entrypoints.process.settings import Settings

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("service", ["receiver", "consumer", "aggregator", "compact"])
def test_each_role_is_a_command_of_the_one_image(service: str):
    role = COMPOSE["services"][service]
    assert role["command"][0] == service
    assert service in cli.ROLES
    assert role["image"] == "telemetry:latest"
    assert role["env_file"] == "../.env"


@pytest.mark.parametrize("service", ["receiver", "consumer", "aggregator", "compact"])
def test_a_role_that_is_deployed_has_no_rights_that_it_does_not_need(service: str):
    role = COMPOSE["services"][service]
    assert role["read_only"] is True
    assert role["cap_drop"] == ["ALL"]
    assert "healthcheck" in role


@pytest.mark.parametrize("service", ["consumer", "aggregator"])
def test_a_role_that_does_not_listen_is_asked_whether_it_finishes_its_turns(service: str):
    assert COMPOSE["services"][service]["healthcheck"]["test"] == ["CMD", "telemetry", "health", service]


def test_who_compacts_pauses_longer_and_is_given_the_time():
    role = COMPOSE["services"]["compact"]
    *asked, within = role["healthcheck"]["test"]
    assert asked == ["CMD", "telemetry", "health", "compact", "--within"]
    assert int(within) > 2 * Settings().compact_interval
    assert role["command"] == ["compact", "--watch"]
    assert role["environment"] == {"COMPACT_FORMAT": "jsonl.zst"}  # which needs no extra


UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_a_role_with_a_program_that_is_there(unit: Path, tmp_path: Path):
    program = tmp_path / "telemetry"
    program.touch(0o755)
    text = unit.read_text()
    command = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    role = command.split()[1]
    assert role in cli.ROLES
    assert role in unit.name
    if not (analyze := shutil.which("systemd-analyze")):
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / unit.name.replace("@", "@1")
    copy.write_text(text.replace("/opt/telemetry/bin/telemetry", str(program)))
    done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_has_no_rights_that_it_does_not_need(unit: Path):
    lines = unit.read_text().splitlines()
    for line in (
        "Type=notify",
        "User=telemetry",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "SystemCallFilter=@system-service",
    ):
        assert line in lines


def test_the_image_runs_the_program_as_nobody_in_particular():
    instructions = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line[:1].isupper()]
    assert ["USER", "10001"] in instructions
    assert ["ENTRYPOINT", '["telemetry"]'] in instructions
    assert all(what.startswith("python:3.11-slim") for how, what in instructions if how == "FROM")


def test_whatever_is_fetched_into_the_image_has_a_hash():
    fetching = [line for line in DOCKERFILE.splitlines() if "pip install" in line]
    assert fetching
    for line in fetching:
        assert "--require-hashes" in line or {"--no-index", "--no-deps"} <= set(line.split())


def test_nothing_in_the_image_is_for_one_platform():
    assert not [
        line for line in DOCKERFILE.splitlines() if re.search(r"--platform|amd64|arm64|x86|aarch", line)
    ]


def test_what_is_copied_into_the_image_is_let_through():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        name.removeprefix("./")
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY") and "--from" not in line
        for name in line.split()[1:-1]
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in allowed)
