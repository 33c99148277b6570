"""Temporary folders end with their processes, or when the next process makes one."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from telemetry.entrypoints.process import scratch

KILLED = """
import os, sys, tempfile
tempfile.tempdir = sys.argv[1]
from telemetry.entrypoints.process import scratch
with scratch.folder("work-") as folder:
    (folder / "file").touch()
    os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_there_while_it_is_used_and_then_gone(place: Path):
    with scratch.folder("work-") as folder:
        (folder / "file").touch()
        assert folder.parent == place
        assert folder.name.startswith("work-")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(place: Path):
    subprocess.run([sys.executable, "-c", KILLED, str(place)], check=False)
    (left,) = place.iterdir()
    with scratch.folder("work-") as folder:
        assert not left.exists()
        assert list(place.iterdir()) == [folder]


def test_a_folder_that_is_used_and_one_of_another_name_are_left_alone(place: Path):
    (place / "other").mkdir()
    with scratch.folder("work-") as first, scratch.folder("work-") as second:
        scratch.clean("work-")
        assert first.exists()
        assert second.exists()
    assert (place / "other").exists()
