"""Roles as processes of this machine: started, and ended whatever happens."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_DIES_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG of Linux's prctl(2)


def start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    module: str = "telemetry",
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `python -m telemetry ARGUMENTS` with its output appended to `log`.

    On Linux it ends with its parent.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # this program itself
            [sys.executable, "-m", module, *arguments],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the parent, which ends its roles in their order
            preexec_fn=die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  # no thread runs yet
        )


def end(process: subprocess.Popen[bytes], patience_s: float) -> int:
    """Ask a role to end, wait, and kill it after `patience_s`; return its exit status."""
    process.terminate()
    try:
        return process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def end_with(parent: int) -> None:
    """Have this process end in order when its parent ends, however that happens.

    Linux does it by itself. Elsewhere a thread looks once a second whether this process has another parent.
    """
    if sys.platform == "linux":
        die_with_parent()
    if os.getppid() != parent:  # which ended before it could be waited for
        os.kill(os.getpid(), signal.SIGTERM)
    elif sys.platform != "linux":
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def begin() -> None:
    """Begin as a process that computes for its parent: end with it, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        die_with_parent()


def die_with_parent() -> None:
    """Ask Linux to end this process if its parent is killed and cannot do it any more."""
    ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGTERM)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
