"""The roles as processes, measured: what they take of the machine, and what they have stored."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from harness.roles import OURS, Roles, wait_until
from telemetry.domain.contract.moment import parse_timestamp

_KEY: Final = "the-key-of-the-benchmark"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PATIENCE_S: Final = 120.0  # for what was accepted to be stored
_SAMPLE: Final = 97  # one line of so many is looked at for its latency; prime, so that no vehicle is favoured
_RECEIVED: Final = slice(-26, -2)  # where a line of the raw store has `ingest_received_at`


class Stored(NamedTuple):
    """What is on disk: lines, identities among them, and latencies from receipt to storage in seconds."""

    lines: int
    unique: int
    latencies: Any

    def percentile(self, q: float) -> float:
        return float(np.percentile(self.latencies, q)) if len(self.latencies) else float("nan")


class Pipeline(Roles):
    """A receiver and a consumer over an embedded queue in a folder of their own."""

    def __init__(
        self, folder: Path, settings: Mapping[str, str], commands: Mapping[str, Sequence[str]]
    ) -> None:
        self.folder = folder
        environment = {"API_KEY": _KEY, "DATA_DIR": str(folder), "LOG_FORMAT": "json", **settings}
        super().__init__(folder, environment, commands)
        self._counted: dict[Path, int] = {}

    def load(self, **options: float | str) -> Mapping[str, Any]:
        """Run a load to its end; return its figures."""
        return run_load(self.url, self.environment, **options)

    def cpu(self) -> Mapping[str, float]:
        """Return how many seconds of CPU each role has used."""
        return {role: _cpu(process.pid) for role, process in self.running.items()}

    def memory(self, field: str = "VmHWM") -> Mapping[str, float]:
        """Return how many megabytes each role holds (`VmRSS`), or has held at the most (`VmHWM`)."""
        return {role: _memory(process.pid, field) for role, process in self.running.items()}

    def lines(self) -> int:
        """Count the lines that are stored now; an object never changes, and is counted once."""
        for path in self._objects():
            if path not in self._counted:
                self._counted[path] = path.read_bytes().count(b"\n")
        return sum(self._counted.values())

    def settle(self, accepted: int) -> float:
        """Wait until so many lines are stored; return how many seconds that took."""
        started = time.monotonic()
        wait_until(lambda: self.lines() >= accepted, "all to be stored", _PATIENCE_S)
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
        made.stop_all()
        shutil.rmtree(folder)


def run_load(url: str, environment: Mapping[str, str], **options: float | str) -> Mapping[str, Any]:
    """Run a load in a process of its own. Raise RuntimeError if it fails."""
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


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    # Its own user and system time, and that of its dead children.
    return sum(map(int, fields[11:15])) / _TICKS


def _memory(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return float("nan")
