"""When what is shown: the script gives all times, so that one that is run again is as long as before."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from harness.recording.script import CAPTION_S, COLUMNS, KEY_S, LINE_S, Step

_TOGETHER: Final = 4  # lines that are shown at the same moment


class Shown(msgspec.Struct, frozen=True):
    """Lines of an answer, and the second at which they appear."""

    at_s: float
    lines: Sequence[str]


class Scene(msgspec.Struct, frozen=True):
    """A step as it is watched; times are seconds from the beginning of the session."""

    step: Step
    starts_s: float
    typed_s: float
    """When its command begins to be typed."""
    answer: Sequence[Shown]
    ends_s: float

    @property
    def command(self) -> Sequence[str]:
        """The command as it stands behind a prompt."""
        return [f"$ {line}" for line in self.step.command.split("\n")]


def scenes(played: Sequence[tuple[Step, Sequence[str]]]) -> Sequence[Scene]:
    """Lay the steps on one line of time, one after the other."""
    made: list[Scene] = []
    for step, lines in played:
        starts = made[-1].ends_s if made else 0.0
        typed = starts + CAPTION_S
        answered = typed + KEY_S * len(step.command) + LINE_S
        answer = list(_shown([part for line in lines for part in _wrapped(line)], answered))
        last = answer[-1].at_s if answer else answered
        made.append(Scene(step, starts, typed, answer, round(last + step.pause_s, 2)))
    return made


def _wrapped(line: str) -> Sequence[str]:
    """Break a line as a terminal does."""
    return [line[first : first + COLUMNS] for first in range(0, len(line), COLUMNS)] or [""]


def _shown(lines: Sequence[str], at_s: float) -> Iterator[Shown]:
    for first in range(0, len(lines), _TOGETHER):
        yield Shown(round(at_s + first * LINE_S, 2), lines[first : first + _TOGETHER])
