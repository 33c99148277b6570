"""`telemetry demo`: the main job in one command, leaving nothing running behind."""

import contextlib
import fcntl
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from harness.cloud import Cloud
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


@pytest.mark.long
def test_a_second_run_in_the_same_hour_shows_itself_and_not_the_first(tmp_path: Path):
    for records in (5, 10):
        process = demo(tmp_path, "--duration", str(records / 5), "--vehicles", "1")
        output, complaints = process.communicate(timeout=120)
        assert process.returncode == 0, complaints + output
        assert "1 vehicle drives for" in output
        table = output.partition("Records of this run by hour and vehicle\n")[2].partition("└")[0]
        rows = [line.split("│")[1:-1] for line in table.splitlines() if "veh-00001" in line]
        assert sum(int(count) for _, _, count, *_ in rows) == records
    shown = re.findall(r"batch-\d+-\w+", output)
    assert len(set(shown)) < len(list(tmp_path.glob("data/raw/**/batch-*")))


@pytest.mark.long
def test_over_s3_the_demo_shows_what_is_in_the_bucket(
    tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
):
    bucket = cloud.bucket()
    for name, value in {"STORAGE_BACKEND": "s3", "S3_BUCKET": bucket, "S3_PREFIX": "fleet"}.items():
        monkeypatch.setenv(name, value)
    process = demo(tmp_path, "--duration", "1", "--as-configured")
    output, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints + output
    assert f"\ns3://{bucket}/fleet/: what this run stored\n" in output
    keys = cloud.keys(bucket)
    assert {key.split("/")[1] for key in keys} == {"raw", "aggregated"}
    names = [key.rpartition("/")[2] for key in keys]
    assert all(name in output for name in names if not name.startswith("_"))  # which are for machines
    assert not (tmp_path / "data" / "raw").exists()


def on_terminal(folder: Path, columns: int, *options: str) -> list[str]:
    """Run the demo on a terminal; return the lines that it prints there, without their colours."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("API_KEY", "COLUMNS")}
    command = [sys.executable, "-m", "telemetry", "demo", *options]
    with subprocess.Popen(
        command, env={**environment, "TERM": "xterm"}, cwd=folder, stdout=its, stderr=subprocess.DEVNULL
    ):
        os.close(its)
        printed = b""
        with contextlib.suppress(OSError):  # which is how a terminal ends
            while part := os.read(ours, 65536):
                printed += part
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed.decode()).splitlines()


def test_on_a_terminal_of_80_columns_no_line_is_broken_but_between_words(tmp_path: Path):
    lines = on_terminal(tmp_path, 80, "--duration", "2", "--vehicles", "3")
    assert re.fullmatch(
        r"proof: sent=30 accepted=30 .* pending=0 lost=0 p50=\S+ p95=\S+ p99=\d+\.\d+s", lines[-1]
    )
    assert [line for line in lines[:-1] if len(line) > 80] == []
    assert "…" not in "".join(lines)
    assert sum("veh-0000" in line for line in lines) == 3


@pytest.mark.parametrize(
    "death",
    [
        pytest.param(signal.SIGTERM, marks=pytest.mark.long),
        pytest.param(signal.SIGINT, marks=pytest.mark.long),
        signal.SIGKILL,
    ],
)
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
