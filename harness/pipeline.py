"""A whole pipeline over the embedded queue and a local store, in a folder of a test's own."""

import subprocess
import sys
from pathlib import Path

from harness.roles import Roles


class Pipeline(Roles):
    """Roles over one data directory, quick to notice a death and a change."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.data = folder / "data"
        quick = {"QUEUE_VISIBILITY_TIMEOUT": "2", "AGGREGATE_INTERVAL": "0.2"}
        fixed = {"API_KEY": "test-key", "DATA_DIR": str(self.data)}
        super().__init__(folder, {**fixed, **quick, **settings}, folder=folder)

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

    def stored(self) -> int:
        """Count the lines of the raw store and of the tree beside it."""
        files = [*self.data.glob("raw/**/*.jsonl"), *self.data.glob("skewed/**/*.jsonl")]
        return sum(file.read_bytes().count(b"\n") for file in files)


def proof(output: str) -> dict[str, float]:
    """Read the last line of a command that ends in the proof."""
    head, *pairs = output.splitlines()[-1].split()
    assert head == "proof:"
    return {name: float(value.rstrip("s")) for name, value in (pair.split("=") for pair in pairs)}
