"""An upgrade from one wheel to the next under load, as docs/deployment.md says, loses nothing."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import httpx
import pytest

from harness.pipeline import proof
from harness.roles import wait_until
from telemetry.entrypoints.process.runtime import free_port
from tests.package import building
from tests.package.building import Clean, Distributions

pytestmark = pytest.mark.long

NEXT: Final = "99.0.0"
KEY: Final = "test-key"


@pytest.fixture
def wheel_of_the_next_version(tmp_path: Path) -> Path:
    folder = building.copy_tracked(tmp_path / "next")
    project = folder / "pyproject.toml"
    text = re.sub(r'^version = ".*"$', f'version = "{NEXT}"', project.read_text(), flags=re.MULTILINE)
    project.write_text(text)
    (wheel,) = building.build(folder, "wheel").glob("*.whl")
    return wheel


class Machine:
    """Roles of installed packages over one data directory, and a fleet that sends meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "API_KEY": KEY}
        self.environment |= {"AGGREGATE_INTERVAL": "0.2", "QUEUE_VISIBILITY_TIMEOUT": "2"}

    def start(self, installed: Clean, role: str) -> None:
        options = ["--port", str(self.port)] if role == "receiver" else []
        self._begin([installed.command, role, *options], role)

    def drive(self) -> None:
        """Have vehicles send until they are stopped, which go on trying while they get no answer."""
        fleet = ["--vehicles", "20", "--duration", "3600", "--patience", "300", "--ledger", "run.jsonl"]
        url = f"http://127.0.0.1:{self.port}"
        self._begin([sys.executable, "-m", "telemetry", "simulator", *fleet, "--url", url], "simulator")

    def stop(self, role: str) -> int:
        self.running[role].send_signal(signal.SIGTERM)
        return self.running.pop(role).wait(60)

    def end(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health/ready", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def stored(self) -> int:
        return sum(file.read_bytes().count(b"\n") for file in self.folder.glob("data/raw/**/*.jsonl"))

    def _begin(self, command: Sequence[str], name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    folder = tmp_path / "machine"
    folder.mkdir()
    made = Machine(folder)
    yield made
    made.end()


def start_under_load(machine: Machine, installed: Clean) -> None:
    for role in ("consumer", "aggregator", "receiver"):
        machine.start(installed, role)
    wait_until(machine.is_ready, "the receiver to be ready")
    machine.drive()
    wait_until(lambda: machine.stored() > 0, "the first batch to be stored")


def nothing_is_lost(machine: Machine, installed: Clean) -> None:
    """Let the fleet drive on for a while, and compare its ledger with what is stored."""
    before = machine.stored()
    wait_until(lambda: machine.stored() > before + 100, "the next version to store a batch")
    assert machine.stop("simulator") == 0
    done = installed.run(machine.folder, "prove", "--ledger", "run.jsonl", settings=machine.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    counted = proof(done.stdout)
    assert counted["sent"] == counted["accepted"] == counted["unique"] > before + 100
    assert (counted["lost"], counted["pending"]) == (0, 0)


def test_on_one_machine_all_roles_stop_and_the_next_version_goes_on(
    built: Distributions, wheel_of_the_next_version: Path, machine: Machine, tmp_path: Path
):
    installed = Clean(tmp_path / "environment", built.wheel)
    start_under_load(machine, installed)
    assert [machine.stop(role) for role in ("receiver", "consumer", "aggregator")] == [0, 0, 0]
    installed.install(wheel_of_the_next_version)
    assert installed.run(machine.folder, "--version").stdout == f"telemetry {NEXT}\n"
    for role in ("consumer", "aggregator", "receiver"):
        machine.start(installed, role)
    nothing_is_lost(machine, installed)


def test_role_by_role_the_receiver_is_replaced_last(
    built: Distributions, wheel_of_the_next_version: Path, machine: Machine, tmp_path: Path
):
    former = Clean(tmp_path / "former", built.wheel)
    latter = Clean(tmp_path / "latter", wheel_of_the_next_version)
    start_under_load(machine, former)
    for role in ("consumer", "aggregator", "receiver"):
        assert machine.stop(role) == 0
        machine.start(latter, role)
    nothing_is_lost(machine, latter)
