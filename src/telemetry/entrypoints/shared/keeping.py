"""What processes print: kept in a file each, which is rotated, and shown on standard error with its name."""

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final, Self

from telemetry.entrypoints.process.log import on_one_line

_SIZE: Final = 10_000_000  # bytes of a file, before it is rotated
_FILES: Final = 5  # that are kept beside the current one


class Keeper:
    """The logs of several processes in one folder, made if it is not there."""

    def __init__(self, folder: Path, size: int = _SIZE, *, is_shown: bool = True) -> None:
        self._folder = folder
        self._size = size
        self._is_shown = is_shown
        self._files: dict[str, RotatingFileHandler] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def keep(self, name: str, line: bytes) -> None:
        """Keep a line in `NAME.log`, and show it, unless nothing is to be shown."""
        text = on_one_line(line.decode(errors="replace"))
        self._file(name).emit(logging.LogRecord(name, logging.INFO, "", 0, text, None, None))
        if self._is_shown:
            sys.stderr.write(f"{name:<12} {text}\n")

    def _file(self, name: str) -> RotatingFileHandler:
        if name not in self._files:
            path = self._folder / f"{name}.log"
            self._files[name] = RotatingFileHandler(
                path, maxBytes=self._size, backupCount=_FILES, encoding="utf-8"
            )
        return self._files[name]
