"""Temporary folders of processes, which are removed at the latest when the next process makes one.

A process holds a lock on its folder for as long as it lives, however it ends. A folder is locked before it
gets the name under which others look for those without a lock.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def folder(prefix: str) -> Iterator[Path]:
    """Remove the folders of those who were killed; make one, and remove it in the end."""
    clean(prefix)
    made = Path(tempfile.mkdtemp(prefix=f".{prefix}"))
    lock = _open(made)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = made.rename(made.with_name(made.name.removeprefix(".")))
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def clean(prefix: str) -> None:
    """Remove the folders of processes that were killed."""
    for each in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):  # it is somebody else's, or its process lives
            lock = _open(each)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(each)
            finally:
                os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
