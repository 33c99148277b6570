"""Runs the steps in one shell, in a folder of their own, and keeps what they print."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import IO, Final, Self

from harness.recording.script import COLUMNS, Step

_MARK: Final = "--- end of an answer:"


class StepError(Exception):
    """A step that did not end as it should, with what it printed."""


class Shell:
    """A bash that runs one command after another, so that variables and background jobs stay."""

    def __init__(self, folder: Path, patience_s: float = 180) -> None:
        self._patience_s = patience_s
        self._process = subprocess.Popen(
            [shutil.which("bash") or "bash", "--norc", "--noprofile"],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what runs in the background, and wait for it."""
        if self._process.poll() is None:
            self._pipe(self._process.stdin).write("kill $(jobs -p) 2> /dev/null; wait; exit\n")
        with suppress(BrokenPipeError):
            self._process.communicate(timeout=60)

    def run(self, step: Step) -> Sequence[str]:
        """Return the lines that a step prints. Raise StepError if it fails, or takes too long."""
        watchdog = Timer(self._patience_s, self._kill)
        watchdog.start()
        try:
            return self._answer(step)
        finally:
            watchdog.cancel()

    def _answer(self, step: Step) -> Sequence[str]:
        commands = self._pipe(self._process.stdin)
        commands.write(f"{step.command}\nprintf '\\n%s %s\\n' '{_MARK}' $?\n")
        commands.flush()
        lines: list[str] = []
        for line in self._pipe(self._process.stdout):
            if line.startswith(_MARK):
                if line.split()[-1] != "0":
                    raise StepError("\n".join([step.command, *lines]))
                return _trimmed(lines)
            lines.append(line.rstrip())
        self._process.wait()
        raise StepError("\n".join([step.command, *lines, "the shell has ended, or took too long"]))

    def _kill(self) -> None:
        """End the shell with all that it has started."""
        os.killpg(self._process.pid, signal.SIGKILL)

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


def _environment() -> Mapping[str, str]:
    """Return an environment in which `telemetry` is the one of this Python, with no settings but defaults."""
    folder = Path(sys.executable).parent
    path = f"{folder}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": "/nonexistent", "LANG": "C.UTF-8", "COLUMNS": str(COLUMNS), "NO_COLOR": "1"}


def _trimmed(lines: Sequence[str]) -> Sequence[str]:
    """Leave out empty lines at the end: the mark begins with one."""
    text = "\n".join(lines).rstrip("\n")
    return text.split("\n") if text else []
