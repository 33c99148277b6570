"""Each fault turns its number red, and the command that is printed below it turns it back."""

import asyncio
import json
import random
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest

from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.contract import codec
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.entrypoints.process import cli
from tests.builders import a_record

ROOT: Final = Path(__file__).parents[2]
CLOCK: Final = SystemClock()
ROLES: Final = ("receiver", "consumer", "aggregator")
_HOUR_MS: Final = 3_600_000


def noise() -> Mapping[str, float]:
    """Make signals that compress badly."""
    return {f"signal_{number}": random.random() for number in range(30)}


class Watched(Pipeline):
    """All roles under a small load, whose clock can be set wrong, and their six numbers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder,
            PYTHONPATH=str(ROOT),
            BATCH_TIMEOUT="0.2",
            SKEW_MAX_PAST="86400",
            QUEUE_MAX_BYTES="1000000",
            AGGREGATE_INTERVAL="1",
        )
        self._commands = {"consumer": ("harness.unprivileged", "consumer")}
        self.skew_ms = 0
        self.weight = 1
        self._ending = threading.Event()
        for role in ROLES:
            self.start(role)
        self._load = threading.Thread(target=self._post_on)
        self._load.start()

    def end(self) -> None:
        self._ending.set()
        self._load.join()
        self.stop_all()

    def number(self, name: str, capsys: pytest.CaptureFixture[str]) -> Mapping[str, Any]:
        """Read one number from what `telemetry status --json` prints."""
        capsys.readouterr()
        cli.main(["status", "--json"])
        found = json.loads(capsys.readouterr().out)
        return next(each for each in found["vitals"] if each["name"] == name)

    def run(self, commands: str) -> None:
        """Run what a number says: a role goes on in the background."""
        for command in commands.split("; "):
            program, *words = shlex.split(command)
            if program == "telemetry" and words[0] in ROLES:
                self.start(words[0])
                continue
            here = f"{shlex.quote(sys.executable)} -m telemetry"
            text = command.replace("telemetry", here, 1) if program == "telemetry" else command
            subprocess.run(["bash", "-c", text], env=self.environment, cwd=self.logs, check=True, timeout=60)

    def _post_on(self) -> None:
        with httpx.Client(trust_env=False, headers={"X-API-Key": "test-key"}) as client:
            while not self._ending.wait(0.05):
                now_ms = CLOCK.wall_ms() + self.skew_ms
                records = [
                    a_record(timestamp_ms=now_ms + each, payload=noise()) for each in range(self.weight)
                ]
                body = codec.encode_request(records)
                try:
                    client.post(
                        f"{self.url}/ingest", content=body, headers={"Content-Type": "application/x-ndjson"}
                    )
                except httpx.TransportError:
                    continue


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    made = Watched(tmp_path_factory.mktemp("watched"))
    yield made
    made.end()


@pytest.fixture(autouse=True)
def same_settings(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process read what the roles write."""
    monkeypatch.chdir(watched.logs)
    for name in ("DATA_DIR", "BATCH_TIMEOUT", "AGGREGATE_INTERVAL", "API_KEY", "QUEUE_MAX_BYTES"):
        monkeypatch.setenv(name, watched.environment[name])


def stop_consumer(watched: Watched) -> None:
    assert watched.stop("consumer") == 0


def stop_aggregator(watched: Watched) -> None:
    assert watched.stop("aggregator") == 0


def make_store_read_only(watched: Watched) -> None:
    for folder in sorted(watched.data.glob("raw/**/"), reverse=True):
        folder.chmod(0o500)


def fill_queue(watched: Watched) -> None:
    """Let the queue grow to what it may be, while nobody empties it."""
    assert watched.stop("consumer") == 0
    watched.weight = 64


def send_less(watched: Watched) -> None:
    watched.weight = 1


def poison(watched: Watched) -> None:
    async def send() -> None:
        queue = SqliteQueue(watched.data / "queue.db", CLOCK, LeaseTerms(), 10**9)
        await queue.send([b"\xff no record"])
        await queue.close()

    asyncio.run(send())


def skew_clock(watched: Watched) -> None:
    watched.skew_ms = -48 * _HOUR_MS


def mend_clock(watched: Watched) -> None:
    watched.skew_ms = 0


def nothing(_: Watched) -> None:
    pass


Step = Callable[[Watched], None]


class Fault(NamedTuple):
    """What is done to the pipeline, the number that it turns red, and how the printed command begins.

    `mend` is what no command of ours can do: to set a sender's clock, or have it send less.
    """

    inject: Step
    number: str
    command: str
    mend: Step = nothing


FAULTS: Final = (
    Fault(stop_consumer, "stored", "telemetry consumer"),
    Fault(make_store_read_only, "stored", "chmod -R u+rwX "),
    Fault(fill_queue, "rejected", "telemetry consumer", send_less),
    Fault(poison, "dead_letters", "telemetry dead-letters list; telemetry dead-letters dismiss"),
    Fault(skew_clock, "rejected", "telemetry skewed list", mend_clock),
    Fault(stop_aggregator, "hours_overdue", "telemetry aggregator"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.inject.__name__)
def test_a_fault_turns_its_number_red_and_its_command_turns_it_back(
    watched: Watched, capsys: pytest.CaptureFixture[str], fault: Fault
):
    def found() -> Mapping[str, Any]:
        return watched.number(fault.number, capsys)

    def is_named() -> bool:
        red.append(found())
        return bool(red[-1]["wrong"]) and str(red[-1]["help"]).startswith(fault.command)

    red: list[Mapping[str, Any]] = []
    wait_until(lambda: not found()["wrong"], f"{fault.number} to be well at first")
    fault.inject(watched)
    wait_until(is_named, f"{fault.number} to be wrong, and {fault.command} to be named")
    assert red[-1]["since"]
    assert red[-1]["why"]
    fault.mend(watched)
    watched.run(red[-1]["help"])
    wait_until(lambda: not found()["wrong"], f"{fault.number} to be well again")
