"""A log as a source of frames: a file, a member of a ZIP archive, a pipe or standard input."""

import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack
from datetime import tzinfo
from pathlib import Path
from typing import IO, Final
from zipfile import BadZipFile, ZipFile

from telemetry.adapters.can.logs import known
from telemetry.adapters.can.logs.format import Context
from telemetry.adapters.can.logs.stream import Stream
from telemetry.adapters.can.logs.thread import in_thread
from telemetry.domain.can.frame import UnreadableError
from telemetry.domain.can.measured import Block
from telemetry.domain.can.source import Tally

STDIN: Final = "-"
"""The name of standard input."""

ZIP: Final = b"PK\x03\x04"


class LogSource:
    """One log; its times without a zone are of `zone`, or of this machine."""

    is_live = False

    def __init__(
        self,
        name: str,
        zone: tzinfo | None,
        open_file: Callable[[ExitStack], IO[bytes]],
        size: int | None = None,
        path: Path | None = None,
    ) -> None:
        self.name = name
        self.size = size
        self.is_repeatable = size is not None
        self.kind = "a log"
        self.tally = Tally()
        self.is_dated = True
        self._zone = zone
        self._open = open_file
        self._path = path
        self._stream: Stream | None = None

    @property
    def position(self) -> int:
        return self._stream.position if self._stream else 0

    def check(self) -> None:
        """Raise UnreadableError if it is no log that is known, OSError if it cannot be opened."""
        with ExitStack() as stack:
            try:
                next(self._read(stack), None)
            except UnreadableError as error:
                raise UnreadableError(f"{self.name}: {error}") from error

    def blocks(self) -> AsyncGenerator[Block]:
        return in_thread(self.read)

    def read(self) -> Iterator[Block]:
        """Yield the blocks as `blocks` does, and wait where they come from."""
        with ExitStack() as stack:
            try:
                yield from self._read(stack)
            except (UnreadableError, OSError) as error:
                self.tally.fault = str(error)

    def _read(self, stack: ExitStack) -> Iterator[Block]:
        self.tally = tally = Tally()
        self._stream = stream = Stream(self._open(stack), self._path)
        context = Context(self._zone, tally)
        if not stream.head:
            tally.fault = stream.damage
            return
        found = known.recognise(stream.head)
        if not found:
            raise UnreadableError(known.guess(stream.head))
        self.kind = found.name
        for block in found.blocks(stream, context):
            self.is_dated = context.is_dated
            yield block
        tally.fault = stream.damage or tally.fault


def of_file(path: Path, zone: tzinfo | None) -> list[LogSource]:
    """Return the log in a file or a pipe, or the logs in a ZIP archive. Raise OSError if there is none."""
    size = path.stat().st_size
    if not path.is_file():
        return [LogSource(str(path), zone, lambda stack: stack.enter_context(path.open("rb")))]
    with path.open("rb") as file:
        is_zip = file.read(len(ZIP)) == ZIP
    if is_zip:
        return _members(path, zone)
    return [LogSource(str(path), zone, lambda stack: stack.enter_context(path.open("rb")), size, path)]


def of_stdin(zone: tzinfo | None) -> LogSource:
    """Return the log that comes in on standard input."""
    return LogSource(STDIN, zone, lambda _: sys.stdin.buffer)


def _members(path: Path, zone: tzinfo | None) -> list[LogSource]:
    try:
        with ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except BadZipFile as error:
        raise UnreadableError(f"{path}: it is a damaged ZIP archive: {error}") from error
    return [_member(path, info.filename, info.file_size, zone) for info in infos]


def _member(path: Path, member: str, size: int, zone: tzinfo | None) -> LogSource:
    def open_member(stack: ExitStack) -> IO[bytes]:
        return stack.enter_context(stack.enter_context(ZipFile(path)).open(member))

    return LogSource(f"{path}/{member}", zone, open_member, size)
