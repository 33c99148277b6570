"""Roles as processes are ended politely, and killed if that does not help."""

import os
import signal
import sys
from pathlib import Path
from subprocess import Popen

import pytest

from harness.roles import is_running, wait_until
from telemetry.entrypoints.process import children

STUBBORN = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
while True:
    time.sleep(60)
"""

PARENT = """
import os, pathlib, sys, time
from telemetry.entrypoints.process import children
folder = pathlib.Path(sys.argv[1])
child = children.start(["60"], os.environ, folder / "log", "tests.entrypoints.process.sleeper")
(folder / "pid.new").write_text(str(child.pid))
(folder / "pid.new").rename(folder / "pid")
time.sleep(60)
"""


def test_a_role_is_started_with_its_log_and_ends_when_it_is_asked_to(tmp_path: Path):
    log = tmp_path / "role.log"
    process = children.start(["--version"], os.environ, log)
    assert process.wait(60) == 0
    assert log.read_text().startswith("telemetry ")
    assert children.end(process, 1) == 0  # which it has done already


def test_one_that_does_not_end_is_killed(tmp_path: Path):
    process = Popen([sys.executable, "-c", STUBBORN, str(tmp_path / "deaf")])
    wait_until((tmp_path / "deaf").exists, "the process to ignore the signal")
    assert children.end(process, 0.01) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_role_ends_with_its_parent(tmp_path: Path):
    pid = tmp_path / "pid"
    parent = Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    wait_until(pid.exists, "the child to be started")
    child = int(pid.read_text())
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_running(child), "the child to end")
