"""What frames decode to, one by one, as tests compare it; the platform itself decodes columns."""

from collections.abc import Sequence
from typing import NamedTuple

from telemetry.domain.can.bits import Block
from telemetry.domain.can.layout import Layout
from telemetry.domain.can.part import Mark, Part


class Decoded(NamedTuple):
    """The signals of a frame, and the names of those that are left out or odd."""

    signals: dict[str, float]
    unavailable: Sequence[str] = ()
    is_short: bool = False
    errors: Sequence[str] = ()
    impossible: Sequence[str] = ()
    outside: Sequence[str] = ()


Outcome = Decoded | str
"""What a frame decodes to, or why it cannot be decoded."""


def read_each(layout: Layout, frames: Sequence[bytes]) -> Sequence[Outcome]:
    """Decode frames of one size, in their order."""
    found: dict[int, Outcome] = {}
    for part in layout.parts(Block.of(frames)):
        found.update(zip(part.rows.tolist(), outcomes(part), strict=True))
    return [found[row] for row in range(len(frames))]


def outcomes(part: Part) -> Sequence[Outcome]:
    """Return the outcome of each frame of a part."""
    if part.fault:
        return [part.fault] * len(part.rows)
    return [_decoded(part, row, signals) for row, signals in enumerate(part.signals())]


def _decoded(part: Part, row: int, signals: dict[str, float]) -> Decoded:
    marks = [Mark.FINE] * len(part.names) if part.marks is None else part.marks[:, row].tolist()

    def marked(wanted: Mark) -> Sequence[str]:
        return tuple(name for name, mark in zip(part.names, marks, strict=True) if mark == wanted)

    return Decoded(
        signals,
        marked(Mark.UNAVAILABLE),
        part.is_short,
        marked(Mark.ERROR),
        marked(Mark.IMPOSSIBLE),
        marked(Mark.OUTSIDE),
    )
