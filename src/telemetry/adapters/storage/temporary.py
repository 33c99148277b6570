"""Temporary files beside objects, which a process that was killed may leave and the next one removes.

A writer has a lock on its file until that has its name, however it ends. So a file without a lock is
nobody's.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

PREFIX: Final = "."
_ENDING: Final = "-unfinished"


@contextmanager
def replacing(path: Path, mode: int) -> Iterator[BinaryIO]:
    """Yield a new file that gets the name `path` at the end of the context, or is removed if that fails."""
    while True:
        temporary = path.with_name(f"{PREFIX}{path.name}.{uuid4().hex}{_ENDING}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not os.fstat(file.fileno()).st_nlink:
                continue  # it was taken for nobody's before it had its lock
            try:
                yield file
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            return


def clean(folder: Path) -> None:
    """Remove the temporary files in a folder whose writers were killed."""
    with os.scandir(folder) as entries:
        left = [each.path for each in entries if each.name.startswith(PREFIX) and each.name.endswith(_ENDING)]
    for name in left:
        with suppress(OSError):  # its writer lives, or has just ended
            descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                Path(name).unlink()
            finally:
                os.close(descriptor)
