"""Temporary files of the local store belong to a writer that lives, or are removed."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry.adapters.storage import temporary
from telemetry.adapters.storage.local import LocalStorage

KILLED = """
import os, sys
from pathlib import Path
from telemetry.adapters.storage import temporary
with temporary.replacing(Path(sys.argv[1], "object"), 0o600) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
"""


async def test_what_a_killed_writer_left_is_removed_at_the_next_write_into_its_folder(tmp_path: Path):
    folder = tmp_path / "raw" / "hour=14"
    folder.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    (left,) = folder.iterdir()
    assert left.name.startswith(".")
    await LocalStorage(tmp_path).put("raw/hour=14/a", b"whole")
    assert [each.name for each in folder.iterdir()] == ["a"]


def test_a_file_that_is_being_written_is_left_alone(tmp_path: Path):
    with temporary.replacing(tmp_path / "object", 0o600) as file:
        file.write(b"whole")
        temporary.clean(tmp_path)
    assert (tmp_path / "object").read_bytes() == b"whole"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path):
    with pytest.raises(OSError, match="full"), temporary.replacing(tmp_path / "object", 0o600):
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_removed_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lock, removed = fcntl.flock, list[Path]()

    def remove_first(file: object, how: int) -> None:
        if not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].unlink()
        lock(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with temporary.replacing(tmp_path / "object", 0o600) as file:
        file.write(b"whole")
    assert len(removed) == 1
    assert (tmp_path / "object").read_bytes() == b"whole"
