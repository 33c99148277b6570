"""The port to what frames come from, a log or a bus, and the count of everything that was in it."""

from collections import Counter
from collections.abc import AsyncGenerator
from typing import Final, Protocol

import msgspec

from telemetry.domain.can.measured import Block

_EXAMPLES: Final = 5
_SHOWN: Final = 60  # characters of an unreadable line that are shown


class Tally(msgspec.Struct):
    """What was in a source so far: each frame is in one of `frames`, `skipped` and `unreadable`.

    `skipped` counts by reason what is a frame and holds no data: `remote`, `error`. `examples` are the first
    unreadable ones, each with its place. `notes` say what had to be assumed, and `dateless` why its date is
    not known. `fault` says why reading ended before the end.
    """

    frames: int = 0
    skipped: Counter[str] = msgspec.field(default_factory=Counter)
    unreadable: int = 0
    examples: list[str] = []
    notes: list[str] = []
    dateless: str | None = None
    fault: str | None = None

    @property
    def total(self) -> int:
        return self.frames + self.skipped.total() + self.unreadable

    def spoil(self, place: str, text: str, why: str = "") -> None:
        """Count one that cannot be read; of the first few, keep the place and the text."""
        self.unreadable += 1
        if len(self.examples) < _EXAMPLES:
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
            self.examples.append(f"{place}: {why + ': ' if why else ''}{shown!r}")

    def note(self, text: str) -> None:
        """Say once what had to be assumed."""
        if text not in self.notes:
            self.notes.append(text)


class Source(Protocol):
    """A log or a bus.

    `name` is how a person calls it, `kind` its format. `size` are its bytes, None if nobody knows, and
    `position` how many of them were read. `is_dated` says whether its times count from 1970-01-01 UTC; if
    not, they count from its own start. `tally` counts what was read. All but `name` and `size` are known once
    the first block is read.
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def position(self) -> int: ...
    @property
    def is_dated(self) -> bool: ...
    @property
    def tally(self) -> Tally: ...

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be read again from its start."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether its frames are those of this moment, and never end."""
        ...

    def blocks(self) -> AsyncGenerator[Block]:
        """Yield the frames from the start on, in their order, some at a time, and count them.

        A log whose signals are decoded yields these in their place.

        What cannot be read is counted and passed over. Where reading cannot begin or cannot go on, the
        frames end, and `tally.fault` says why. Once it is closed, it reads no further.
        """
        ...
