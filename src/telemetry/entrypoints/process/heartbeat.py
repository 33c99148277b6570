"""A role's sign of life: a file that is touched after each turn, for `telemetry health` to look at.

Each process has a file of its own below `DATA_DIR/health`, named after its role, its host and its number. The
host is part of the name because containers may share a folder, and a container's health check is about its
own processes.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

from telemetry.entrypoints.process import notify

FOLDER: Final = "health"

_HOST: Final = socket.gethostname()


class Heartbeat:
    """The sign of life of this process, as long as the context lasts."""

    def __init__(self, data_dir: Path, role: str) -> None:
        self._file = data_dir / FOLDER / f"{role}@{_HOST}@{os.getpid()}"

    def __enter__(self) -> Self:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        list(signs(self._file.parent.parent, self._file.name.partition("@")[0]))  # and forget the killed
        self.beat()
        notify.ready()
        return self

    def __exit__(self, *_: object) -> None:
        notify.stopping()
        self._file.unlink(missing_ok=True)

    def beat(self) -> None:
        """Say that a turn was finished."""
        self._file.touch()
        notify.alive()


class Sign(NamedTuple):
    """A process of a role, and how long ago it finished a turn."""

    pid: int
    age_s: float


def signs(data_dir: Path, role: str) -> Iterator[Sign]:
    """Yield the processes of a role that live on this host; remove the files of those that were killed."""
    for file in (data_dir / FOLDER).glob(f"{role}@{_HOST}@*"):
        pid = int(file.name.rpartition("@")[2])
        if _is_alive(pid):
            yield Sign(pid, time.time() - file.stat().st_mtime)
        else:
            file.unlink(missing_ok=True)


def last_seen_s(data_dir: Path, role: str) -> float | None:
    """Return how long ago a role finished a turn on any host that shares the folder; None if none did."""
    ages = [sign.age_s for sign in signs(data_dir, role)]
    for file in (data_dir / FOLDER).glob(f"{role}@*"):
        if f"@{_HOST}@" not in file.name:
            with suppress(FileNotFoundError):  # it ended meanwhile
                ages.append(time.time() - file.stat().st_mtime)
    return min(ages, default=None)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and belongs to somebody else
        return True
    return True
