"""Whether `telemetry up` loses anything while it is under load and each of its roles is killed once.

Run by `make prove-up`, for ten minutes. A fleet drives and writes its ledger. After each fifth of the time,
one role gets a SIGKILL. At the end everything has to be stored, restarted, and stopped in order.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks import report
from harness.pipeline import proof
from harness.roles import wait_until
from telemetry.entrypoints.process.runtime import free_port

_ROLES: Final = ("receiver", "consumer", "aggregator")
_PATIENCE_S: Final = 60.0


class Up:
    """`telemetry up` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self._environment = os.environ | {"API_KEY": "k", "DATA_DIR": str(folder / "data")}
        self._log = (folder / "up.log").open("w+b")
        self._process = self.start("up", "--port", str(port), output=self._log)

    def start(self, *command: str, output: Any = None) -> subprocess.Popen[bytes]:  # noqa: ANN401  # a file
        return subprocess.Popen(  # noqa: S603  # this program itself
            [sys.executable, "-m", "telemetry", *command],
            env=self._environment,
            cwd=self._folder,
            stdout=output or subprocess.PIPE,
            stderr=subprocess.STDOUT if output else None,
        )

    def pids(self, role: str) -> set[int]:
        """Return the processes of a role that tell what they do."""
        return {int(file.name.rpartition("@")[2]) for file in (self._folder / "data/run").glob(f"{role}@*")}

    def kill(self, role: str) -> None:
        """Kill a role, and wait until another process has taken its place."""
        (pid,) = self.pids(role)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: bool(self.pids(role) - {pid}), f"another {role}", _PATIENCE_S)

    def stop(self) -> tuple[int, int]:
        """Stop all in order; return the exit status, and how many restarts there were."""
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(_PATIENCE_S)
        found = re.search(r"Stopped: restarts=(\d+)", (self._folder / "up.log").read_text())
        return status, int(found[1]) if found else -1


def measure(seconds: float, vehicles: int) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        up = Up(Path(folder))
        wait_until(lambda: all(map(up.pids, _ROLES)), "all roles to run", _PATIENCE_S)
        fleet = ("simulator", "--vehicles", str(vehicles), "--duration", str(seconds))
        driving = up.start(*fleet, "--url", up.url, "--ledger", "run.jsonl")
        for role in _ROLES:
            time.sleep(seconds / 5)
            up.kill(role)
        driving.wait(seconds + _PATIENCE_S)
        proving = up.start("prove", "--ledger", "run.jsonl", "--settle", "60")
        counted = proof(proving.communicate()[0].decode())
        status, restarts = up.stop()
    shown = {
        name: round(counted[name]) for name in ("sent", "accepted", "stored", "duplicates", "pending", "lost")
    }
    return {"name": "up", "seconds": seconds, **shown, "restarts": restarts, "status": status}


def main() -> int:
    chosen = report.arguments(__doc__, seconds=600, vehicles=20)
    answer = measure(chosen.seconds, chosen.vehicles)
    is_whole = answer["restarts"] == len(_ROLES) and answer["status"] == answer["pending"] == 0
    return report.show([answer], chosen) or int(not is_whole)


if __name__ == "__main__":
    sys.exit(main())
