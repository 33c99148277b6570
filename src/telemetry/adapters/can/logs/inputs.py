"""What is named on the command line as sources: files, folders, patterns, pipes, standard input, buses."""

import re
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from glob import glob
from pathlib import Path
from typing import Final, TypeAlias

from telemetry.adapters.can.logs import live, source
from telemetry.adapters.can.logs.live import LiveBus
from telemetry.adapters.can.logs.source import STDIN, LogSource
from telemetry.domain.can.frame import UnreadableError

Input: TypeAlias = LogSource | LiveBus

_PATTERN: Final = re.compile(r"[*?\[]")
_DIGITS: Final = re.compile(r"(\d+)")


def expand(names: Sequence[str], zone: tzinfo | None) -> tuple[Sequence[Input], Sequence[str]]:
    """Return the sources that are named, in this order, and what of a folder or a pattern was left out.

    The files of a folder or a pattern are in the order of their names, 2 before 10. Raise UnreadableError if
    one that is named is no log that is known, or a folder holds none; OSError if one cannot be opened.
    """
    found: list[Input] = []
    left_out: list[str] = []
    for name in names:
        path = Path(name)
        if name == STDIN:
            found.append(source.of_stdin(zone))
        elif path.is_dir():
            found += _logs(sorted(path.iterdir(), key=_natural), name, zone, left_out)
        elif path.exists() or (not (bus := live.find(name)) and not _PATTERN.search(name)):
            found += _checked(source.of_file(path, zone))
        elif bus:
            found += _checked([bus])
        else:
            matching = map(Path, glob(name))  # noqa: PTH207  # of an absolute pattern too
            found += _logs(sorted(matching, key=_natural), name, zone, left_out)
    return found, left_out


def _checked(sources: Sequence[Input]) -> Sequence[Input]:
    for each in sources:
        if isinstance(each, LiveBus) or each.is_repeatable:
            each.check()
    return sources


def _logs(paths: Iterable[Path], name: str, zone: tzinfo | None, left_out: list[str]) -> Sequence[Input]:
    """Return the logs among files."""
    found: list[Input] = []
    for path in paths:
        if path.is_file():
            for each in source.of_file(path, zone):
                try:
                    each.check()
                except UnreadableError as error:
                    left_out.append(str(error))
                else:
                    found.append(each)
    if not found:
        raise UnreadableError(f"{name}: it holds no log that is known")
    return found


def _natural(path: Path) -> list[tuple[int, str]]:
    """Return by what names are sorted, numbers in them as numbers."""
    parts = _DIGITS.split(path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
