"""A whole pipeline of real processes on this machine, whose parts can be killed and started again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from telemetry.entrypoints.process.runtime import free_port

_LONG = 60.0  # seconds that a condition may take on the slowest machine; none is waited for to its end


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _LONG
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


class Pipeline:
    """Roles as processes over one data directory."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.data = folder / "data"
        self.logs = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"},
            "API_KEY": "test-key",
            "DATA_DIR": str(self.data),
            "QUEUE_VISIBILITY_TIMEOUT": "2",
            "AGGREGATE_INTERVAL": "0.2",
            **settings,
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, role: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "telemetry", role, *options]
        if role == "receiver":
            command += ["--port", str(self.port)]
        with (self.logs / f"{role}.log").open("ab") as log:
            self.running[role] = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, cwd=self.logs
            )
        if role == "receiver":
            wait_until(self.is_ready, "the receiver to be ready")
        return self.running[role]

    def begin(self, *command: str) -> subprocess.Popen[str]:
        """Start a command whose output is of interest."""
        return subprocess.Popen(
            [sys.executable, "-m", "telemetry", *command],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.logs,
            text=True,
        )

    def kill(self, role: str) -> None:
        """End a role as a power cut would."""
        self.running[role].kill()
        self.running[role].wait()

    def stop(self, role: str) -> int:
        """End a role as an operator would; return its exit status."""
        self.running[role].send_signal(signal.SIGTERM)
        return self.running[role].wait(_LONG)

    def stop_all(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(_LONG)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def stored(self) -> int:
        """Count the lines of the raw store and of what is beside it."""
        files = [*self.data.glob("raw/**/*.jsonl"), *self.data.glob("skewed/**/*.jsonl")]
        return sum(file.read_bytes().count(b"\n") for file in files)

    def log(self, role: str) -> str:
        return (self.logs / f"{role}.log").read_text()


def proof(output: str) -> dict[str, float]:
    """Read the last line of a command that ends in the proof."""
    head, *pairs = output.splitlines()[-1].split()
    assert head == "proof:"
    return {name: float(value.rstrip("s")) for name, value in (pair.split("=") for pair in pairs)}
