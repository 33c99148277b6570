"""Writes scenes as an asciinema cast: a head, and then an event a line, as JSON (version 2 of the format)."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from harness.recording.scenes import Scene
from harness.recording.script import COLUMNS, KEY_S, ROWS

_CLEAR: Final = "\x1b[2J\x1b[H"
_BOLD: Final = "\x1b[1m"
_PLAIN: Final = "\x1b[0m"

Event = tuple[float, str, str]
"""Seconds from the beginning, `o` for output, and the text."""


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line of a cast."""

    version: int
    width: int
    height: int
    title: str = ""


def write(watched: Sequence[Scene], title: str) -> str:
    """Spell a cast."""
    head = Head(2, COLUMNS, ROWS, title)
    lines = [msgspec.json.encode(line).decode() for line in (head, *_events(watched))]
    return "\n".join([*lines, ""])


def read(text: str) -> tuple[Head, Sequence[Event]]:
    """Read a cast. Raise msgspec.ValidationError if it is none."""
    first, *others = text.splitlines()
    head = msgspec.json.decode(first, type=Head)
    return head, [msgspec.json.decode(line, type=Event) for line in others]


def _events(watched: Sequence[Scene]) -> Iterator[Event]:
    for scene in watched:
        yield scene.starts_s, "o", f"{_CLEAR}{_BOLD}# {scene.step.caption}{_PLAIN}\r\n\r\n$ "
        yield from _typed(scene)
        for shown in scene.answer:
            yield shown.at_s, "o", "".join(f"{line}\r\n" for line in shown.lines)
        yield scene.ends_s, "o", ""


def _typed(scene: Scene) -> Iterator[Event]:
    for number, key in enumerate(scene.step.command):
        text = "\r\n$ " if key == "\n" else key
        yield round(scene.typed_s + number * KEY_S, 2), "o", text
    yield round(scene.typed_s + len(scene.step.command) * KEY_S, 2), "o", "\r\n"
