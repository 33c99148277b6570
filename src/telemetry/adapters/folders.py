"""Folders of this machine: made with their modes, and synced, so that what was renamed in them stays so."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def make(folder: Path, mode: int | None) -> None:
    """Make a folder and those above it, durably, with `mode` or, without, with what the umask leaves."""
    if folder.exists():
        return
    make(folder.parent, mode)
    with suppress(FileExistsError):  # another process was faster
        folder.mkdir(mode=0o777 if mode is None else 0o700)
        if mode is not None:
            folder.chmod(mode | folder.stat().st_mode & stat.S_ISGID)
    sync(folder.parent)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let nobody else who asks for this, in any process, be in the folder at the same time."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_above(folder: Path, top: Path) -> None:
    """Make durable that a folder is there, and each above it.

    Another process may have made them, and not synced that, or be killed before it did. Folders above that of
    `top` are passed over if they cannot be synced: they are there for long, if this user may not read them.
    """
    sync(folder.parent)
    if folder != top:
        sync_above(folder.parent, top)
        return
    for each in folder.absolute().parent.parents:
        with suppress(OSError):
            sync(each)


def sync(folder: Path) -> None:
    """Make durable what was renamed, made or removed in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
