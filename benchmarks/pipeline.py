"""The roles as processes, as `make bench` measures them: what they take of the machine, and what they have stored."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from telemetry.domain.contract.moment import parse_timestamp
from telemetry.entrypoints.process.runtime import free_port

OURS: Final = {"receiver": ("telemetry", "receiver"), "consumer": ("telemetry", "consumer")}

_KEY: Final = "the-key-of-the-benchmark"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PATIENCE: Final = 120.0  # seconds for what was accepted to be stored
# Every so manieth line is looked at for its latency; prime, so that no vehicle is favoured.
_SAMPLE: Final = 97
_RECEIVED: Final = slice(-26, -2)  # where a line of the raw store has `ingest_received_at`


class Stored(NamedTuple):
    """What is on disk: lines, identities among them, and latencies from receipt to storage in seconds."""

    lines: int
    unique: int
    latencies: Any

    def percentile(self, q: float) -> float:
        return float(np.percentile(self.latencies, q)) if len(self.latencies) else float("nan")


class Pipeline:
    """A receiver and a consumer over an embedded queue in a folder of their own; `commands` says how to start each."""

    def __init__(
        self, folder: Path, settings: Mapping[str, str], commands: Mapping[str, Sequence[str]]
    ) -> None:
        self.folder = folder
        self._commands = commands
        self.url = f"http://127.0.0.1:{free_port()}"
        self._environment = {
            **os.environ,
            "API_KEY": _KEY,
            "DATA_DIR": str(folder),
            "LOG_FORMAT": "json",
            **settings,
        }
        self._counted: dict[Path, int] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, role: str) -> None:
        """Start a role, and wait until it serves if it is the receiver."""
        port = ["--port", self.url.rpartition(":")[2]] if role == "receiver" else []
        with (self.folder / f"{role}.log").open("ab") as output:
            self._running[role] = subprocess.Popen(  # noqa: S603  # this program itself
                [sys.executable, "-m", *self._commands[role], *port],
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if role == "receiver":
            wait_for(lambda: is_ready(f"{self.url}/health/ready"), 10)

    def stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(20)

    def load(self, **options: float | str) -> Mapping[str, Any]:
        """Run a load to its end; return its figures."""
        return run_load(self.url, self._environment, **options)

    def cpu(self) -> Mapping[str, float]:
        """Tell how many seconds of CPU each role has used."""
        return {role: _cpu(process.pid) for role, process in self._running.items()}

    def memory(self, field: str = "VmHWM") -> Mapping[str, float]:
        """Tell how many megabytes each role holds (`VmRSS`), or has held at the most (`VmHWM`)."""
        return {role: _memory(process.pid, field) for role, process in self._running.items()}

    def lines(self) -> int:
        """Count the lines that are stored now; an object never changes, and is counted once."""
        for path in self._objects():
            if path not in self._counted:
                self._counted[path] = path.read_bytes().count(b"\n")
        return sum(self._counted.values())

    def settle(self, accepted: int) -> float:
        """Wait until so many lines are stored; return how many seconds that took."""
        started = time.monotonic()
        wait_for(lambda: self.lines() >= accepted, _PATIENCE)
        return time.monotonic() - started

    def stored(self) -> Stored:
        """Look at all that is stored, line by line."""
        lines, identities, latencies = 0, [], []
        for path in self._objects():
            appeared = path.stat().st_mtime_ns // 1_000_000
            found = path.read_bytes().splitlines()
            lines += len(found)
            identities.append(
                np.fromiter((hash(line.partition(b',"payload"')[0]) for line in found), np.int64, len(found))
            )
            latencies += [
                (appeared - parse_timestamp(line[_RECEIVED].decode())) / 1000
                for line in found[lines % _SAMPLE :: _SAMPLE]
            ]
        unique = len(np.unique(np.concatenate(identities))) if identities else 0
        return Stored(lines, unique, np.array(latencies))

    def _objects(self) -> list[Path]:
        return [path for tree in ("raw", "skewed") for path in (self.folder / tree).rglob("[!.]*.jsonl")]


@contextmanager
def pipeline(
    *roles: str, commands: Mapping[str, Sequence[str]] = OURS, **settings: str
) -> Iterator[Pipeline]:
    """Run roles, by themselves and in a folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="telemetry-bench-"))
    made = Pipeline(folder, settings, commands)
    try:
        for role in roles or ("consumer", "receiver"):
            made.start(role)
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)


def run_load(url: str, environment: Mapping[str, str], **options: float | str) -> Mapping[str, Any]:
    """Run a load in a process of its own. Raises RuntimeError if it fails."""
    arguments = [f"--{name}={value}" for name, value in options.items()]
    done = subprocess.run(  # noqa: S603  # this program itself
        [sys.executable, "-m", "benchmarks.load", "--url", url, *arguments],
        env=dict(environment),
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"The load failed: {done.stdout} {done.stderr}")
    figures: Mapping[str, Any] = json.loads(done.stdout)
    return figures


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    """Look until a condition holds. Raises TimeoutError if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"It did not come about within {seconds:g} s.")
        time.sleep(0.05)


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310  # an address of ours
            return bool(answer.status == 200)  # noqa: PLR2004  # OK
    except OSError:
        return False


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    # Its own user and system time, and that of its dead children.
    return sum(map(int, fields[11:15])) / _TICKS


def _memory(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return float("nan")
