"""Files by which processes are known: one each, named after its role, its host and its number.

The host is part of the name because containers may share a folder, and each host has numbers of its own.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_HOST: Final = socket.gethostname()


def own(folder: Path, role: str) -> Path:
    """Name the file of this process."""
    return folder / f"{role}@{_HOST}@{os.getpid()}"


def here(folder: Path, role: str) -> Iterator[tuple[int, Path]]:
    """Yield the processes of a role that live on this host; remove the files of those that were killed."""
    for file in folder.glob(f"{role}@{_HOST}@*"):
        pid = int(file.name.rpartition("@")[2])
        if _is_alive(pid):
            yield pid, file
        else:
            file.unlink(missing_ok=True)


def elsewhere(folder: Path, role: str) -> Iterator[Path]:
    """Yield the files of a role on other hosts that share the folder, also of those that were killed."""
    return (file for file in folder.glob(f"{role}@*") if f"@{_HOST}@" not in file.name)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and belongs to somebody else
        return True
    return True
