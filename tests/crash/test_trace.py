"""A trace has all that a program did to files, or says that it has not."""

import shutil
from pathlib import Path

import pytest

from harness.crash import run
from harness.crash.run import UntracedError
from harness.crash.trace import Operation, UnknownCallError

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")

BEGIN = """
import mmap, os, sys
os.chdir(sys.argv[1])
path = sys.argv[1] + "/a"
file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
os.write(file, b"0123456789")
"""

KNOWN = {
    "to where it is": ("os.write(file, b'x')", b"0123456789x"),
    "to where it was moved": (
        "os.lseek(file, 2, 0); os.write(file, b'x'); os.write(file, b'y')",
        b"01xy456789",
    ),
    "to a place": ("os.pwrite(file, b'x', 3); os.write(file, b'y')", b"012x456789y"),
    "to the end": ("os.write(os.open(path, os.O_WRONLY | os.O_APPEND), b'x')", b"0123456789x"),
    "from the start": ("os.write(os.open(path, os.O_WRONLY), b'x')", b"x123456789"),
    "from some parts": ("os.lseek(file, 2, 0); os.writev(file, [b'x', b'yz'])", b"01xyz56789"),
    "from some parts to a place": ("os.pwritev(file, [b'x', b'yz'], 4)", b"0123xyz789"),
    "anew": ("os.write(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), b'x')", b"x"),
    "anew, if it is there": ("os.write(os.open(path, os.O_WRONLY | os.O_TRUNC), b'x')", b"x"),
    "cut by its name": ("os.truncate(path, 4)", b"0123"),
    "cut": ("os.ftruncate(file, 12)", b"0123456789\0\0"),
    "to one that is removed": (
        "os.unlink(path); os.open(path, os.O_WRONLY | os.O_CREAT); os.write(file, b'x')",
        b"",
    ),
}

UNKNOWN = {
    "copy_file_range": "os.copy_file_range(file, os.open(path + 'b', os.O_WRONLY | os.O_CREAT), 4, offset_src=0)",
    "sendfile": "os.sendfile(os.open(path + 'b', os.O_WRONLY | os.O_CREAT), file, 0, 4)",
    "fallocate": "os.posix_fallocate(file, 0, 100)",
    "symlink": "os.symlink('b', path + 'c')",
    "write": "os.write(os.dup(file), b'x')",
}

UNSEEN = {
    "mapped": "mmap.mmap(file, 10)[0:1] = b'x'",
    "by a path that is not absolute": "os.open('b', os.O_WRONLY | os.O_CREAT)",
    "after a read": "os.lseek(file, 0, 0); os.read(file, 3); os.write(file, b'x')",
}


def traced(code: str, tmp_path: Path) -> list[Operation]:
    (folder := tmp_path / "folder").mkdir()
    return list(run.program(["-c", BEGIN + code], folder))


@pytest.mark.parametrize("how", KNOWN)
def test_a_write_goes_where_the_program_wrote(how: str, tmp_path: Path):
    code, content = KNOWN[how]
    operations = traced(code, tmp_path)
    assert operations[0] == Operation("make", "a")
    assert (tmp_path / "folder" / "a").read_bytes() == content  # as the model has it, which `run` compares


@pytest.mark.parametrize("call", UNKNOWN)
def test_a_call_that_is_not_modelled_is_named(call: str, tmp_path: Path):
    with pytest.raises(UnknownCallError, match=call):
        traced(UNKNOWN[call], tmp_path)


@pytest.mark.parametrize("how", UNSEEN)
def test_what_no_call_showed_is_found_in_the_folder(how: str, tmp_path: Path):
    with pytest.raises(UntracedError, match=r"differ in [ab]\."):
        traced(UNSEEN[how], tmp_path)


def test_a_rename_to_another_folder_is_not_modelled(tmp_path: Path):
    with pytest.raises(NotImplementedError):
        traced("os.mkdir(path + 'b'); os.rename(path, path + 'b/a')", tmp_path)


def test_output_is_a_mark(tmp_path: Path):
    assert traced("os.write(1, b'done')", tmp_path)[-1] == Operation("mark", "", data=b"done")
