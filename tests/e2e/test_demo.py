"""`telemetry demo`: the main job in one command, leaving nothing running behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.pipeline import proof
from harness.roles import wait_until


def demo(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "telemetry", "demo", *options],
        env={name: value for name, value in os.environ.items() if name != "API_KEY"},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_the_demo_proves_what_it_shows(tmp_path: Path):
    process = demo(tmp_path, "--duration", "4")
    output, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints + output
    assert proof(output) | {"sent": 200, "accepted": 200, "stored": 200, "unique": 200, "lost": 0} == proof(
        output
    )
    assert complaints == ""  # in a pipe there is no progress
    for part in ("raw/", "aggregated/", "veh-00010", "end_to_end", "Proof"):
        assert part in output
    assert list(tmp_path.glob("data/raw/**/*.jsonl"))
    assert list(tmp_path.glob("data/aggregated/**/*.json"))


@pytest.mark.parametrize("death", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_demo_leaves_nothing_running_however_it_ends(tmp_path: Path, death: signal.Signals):
    process = demo(tmp_path, "--duration", "600")
    assert process.stdout
    port = int(re.findall(r"port (\d+)", process.stdout.readline())[0])
    wait_until(lambda: bool(list(tmp_path.glob("data/raw/**/*.jsonl"))), "records to be stored")
    process.send_signal(death)
    process.communicate(timeout=60)
    assert process.returncode != 0
    wait_until(lambda: is_free(port), "the port to be free")
    folder = str(tmp_path)
    wait_until(lambda: not processes_in(folder), "the roles to end")


def processes_in(folder: str) -> list[str]:
    """Find the processes whose working directory is `folder`."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if str((each / "cwd").readlink()) == folder and (each / "cmdline").read_bytes():
                found.append(each.name)
        except OSError:
            continue
    return found
