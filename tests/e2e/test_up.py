"""`telemetry up`: all roles under one command, each started again when it is killed, and one clean stop."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import msgspec
import pytest

from harness.roles import is_running, wait_until
from telemetry.entrypoints.process.runtime import free_port
from tests.builders import a_body

ROLES = ("receiver", "consumer-1", "consumer-2", "aggregator")


class Up:
    """A supervisor over roles in a folder of its own."""

    def __init__(self, folder: Path, *options: str, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        with (folder / "up.err").open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "telemetry", "up", "--port", str(self.port), *options],
                env={**os.environ, "API_KEY": "k", "SKEW_MAX_PAST": "1e9", **settings},
                cwd=folder,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return (self.folder / "up.err").read_text()

    def log(self, name: str) -> str:
        file = self.folder / "logs" / f"{name}.log"
        return file.read_text() if file.exists() else ""

    def post(self, vehicle_id: str = "v-0") -> bool:
        """Post a record; return whether it was taken."""
        try:
            answer = httpx.post(
                f"http://127.0.0.1:{self.port}/ingest",
                content=a_body(vehicle_id=vehicle_id),
                headers={"X-API-Key": "k", "Content-Type": "application/json"},
                trust_env=False,
            )
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.ACCEPTED

    def stored(self) -> set[str]:
        """Return the vehicles of what is stored."""
        lines = b"".join(file.read_bytes() for file in self.folder.glob("data/raw/**/batch-*.jsonl"))
        return {msgspec.json.decode(line)["vehicle_id"] for line in lines.splitlines()}

    def pids(self) -> set[int]:
        """Find the children of the supervisor."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return set(map(int, listed.split()))


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    made = Up(tmp_path, "--consumers", "2")
    yield made
    made.process.kill()
    made.process.wait()


@pytest.mark.long
def test_each_role_is_started_again_and_nothing_is_lost(up: Up):
    wait_until(lambda: "All processes are ready" in up.said, "all roles to be ready")
    assert up.post()
    vehicles = [f"v-{number}" for number in range(1, 5)]
    for vehicle, pid in zip(vehicles, up.pids(), strict=True):
        os.kill(pid, signal.SIGKILL)
        wait_until(partial(up.post, vehicle), "a record to be taken")
    wait_until(lambda: up.said.count("it is started again") == len(ROLES), "each to be started again")
    wait_until(lambda: up.stored() == {"v-0", *vehicles}, "all to be stored")
    os.killpg(up.process.pid, signal.SIGINT)
    assert up.process.wait(60) == 0, up.said
    assert re.search(r"INFO \[Up\] Stopped: restarts=4\n$", up.said)
    assert re.search(r"^receiver +\S", up.said, re.MULTILINE)


def test_it_ends_at_once_if_a_role_cannot_run(tmp_path: Path):
    (tmp_path / "data" / "queue.db").mkdir(parents=True)  # where a file should be
    made = Up(tmp_path)
    assert made.process.wait(60) == 1
    found = re.search(r"cannot run, all are stopped: process=(\S+), status=1, log=logs/(\S+)\.log", made.said)
    assert found
    assert found[1] == found[2]
    assert "queue.db" in made.log(found[1])


def test_its_roles_end_with_it(up: Up):
    wait_until(up.post, "the first record to be taken")
    pids = up.pids()
    up.process.kill()
    up.process.wait()
    wait_until(lambda: not any(map(is_running, pids)), "the roles to end")
