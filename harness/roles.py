"""Roles as real processes of this machine, which can be killed and started again."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import Popen
from typing import Final

import httpx

from telemetry.entrypoints.process import children
from telemetry.entrypoints.process.runtime import free_port

OURS: Final[Mapping[str, Sequence[str]]] = {}
"""The roles of this package, each started as `python -m telemetry ROLE`."""

_LONG_S: Final = 60.0  # that a condition may take on the slowest machine; none is waited for to its end


def wait_until(condition: Callable[[], bool], what: str, patience_s: float = _LONG_S) -> None:
    """Look until a condition holds. Raise TimeoutError if it does not in time."""
    deadline_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Look whether a process runs; one that ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class Roles:
    """Roles with one environment, run in `folder` or, without, where this process runs.

    `commands` names the module and the arguments of each role that is not one of this package.
    """

    def __init__(
        self,
        logs: Path,
        settings: Mapping[str, str],
        commands: Mapping[str, Sequence[str]] = OURS,
        folder: Path | None = None,
    ) -> None:
        self.logs = logs
        self._folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
        self.environment = {**inherited, **settings}
        self.running: dict[str, Popen[bytes]] = {}
        self._commands = commands

    def start(self, role: str, *options: str) -> Popen[bytes]:
        """Start a role, and wait until it serves if it is a receiver."""
        module, *arguments = self._commands.get(role, ("telemetry", role))
        port = ["--port", str(self.port)] if role == "receiver" else []
        self.running[role] = children.start(
            [*arguments, *options, *port], self.environment, self.logs / f"{role}.log", module, self._folder
        )
        if role == "receiver":
            wait_until(self.is_ready, "the receiver to be ready")
        return self.running[role]

    def kill(self, role: str) -> None:
        """End a role as a power cut would."""
        self.running[role].kill()
        self.running[role].wait()

    def stop(self, role: str) -> int:
        """End a role as an operator would; return its exit status."""
        self.running[role].send_signal(signal.SIGTERM)
        return self.running[role].wait(_LONG_S)

    def stop_all(self) -> None:
        """Ask all roles to end at once, and wait for each."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            children.end(process, _LONG_S)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def log(self, role: str) -> str:
        return (self.logs / f"{role}.log").read_text()
