"""A role's sign of life: a file that is touched after each turn, for `telemetry health` to look at.

Each process has a file of its own below `DATA_DIR/health`. A container's health check is about its own
processes, although containers may share the folder.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

from telemetry.entrypoints.process import notify, presence

FOLDER: Final = "health"


class Heartbeat:
    """The sign of life of this process, as long as the context lasts."""

    def __init__(self, data_dir: Path, role: str) -> None:
        self._file = presence.own(data_dir / FOLDER, role)

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
    for pid, file in presence.here(data_dir / FOLDER, role):
        yield Sign(pid, time.time() - file.stat().st_mtime)


def last_seen_s(data_dir: Path, role: str) -> float | None:
    """Return how long ago a role finished a turn on any host that shares the folder; None if none did."""
    ages = [sign.age_s for sign in signs(data_dir, role)]
    for file in presence.elsewhere(data_dir / FOLDER, role):
        with suppress(FileNotFoundError):  # it ended meanwhile
            ages.append(time.time() - file.stat().st_mtime)
    return min(ages, default=None)
