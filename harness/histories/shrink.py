"""Make a history that breaks a law short: leave out events and records as long as it breaks the same law.

The order of callbacks is drawn by the seed. With other events it is another one, so that a shorter history is
tried under several seeds before it is given up.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from harness.histories.laws import BrokenError
from harness.histories.options import Event, History

Breaks = Callable[[History], BrokenError | None]
"""Runs a history; returns the law that it breaks, if it does."""

MOST_RUNS: Final = 3_000
MOST_EVENTS: Final = 20
"""Events that a person can follow."""

_SEEDS: Final = 6


class Shrinking:
    """The shortening of one history."""

    def __init__(self, breaks: Breaks, law: str, most_runs: int = MOST_RUNS) -> None:
        self._breaks = breaks
        self._law = law
        self._left = most_runs
        self._seeds = _SEEDS

    def shrink(self, history: History) -> History:
        """Return a history of which nothing can be left out; if it is long still, more seeds are tried."""
        while self._left > 0:
            shorter = self._fewer_records(self._fewer_events(history))
            if shorter == history:
                if len(history.events) <= MOST_EVENTS:
                    break
                self._seeds *= 2
            history = shorter
        return history

    def _fewer_events(self, history: History) -> History:
        size = max(1, len(history.events) // 2)
        while size and self._left > 0:
            shorter = self._first(history, _without(history.events, size))
            history, size = (shorter, min(size, len(shorter.events))) if shorter else (history, size // 2)
        return history

    def _fewer_records(self, history: History) -> History:
        while self._left > 0 and (shorter := self._first(history, _with_fewer_records(history.events))):
            history = shorter
        return history

    def _first(self, history: History, tried: Iterator[Sequence[Event]]) -> History | None:
        """Return the first of some lists of events that breaks the law."""
        for events in tried:
            for number in range(self._seeds):
                shorter = History(history.seed + number * 1_000_003, history.options, events)
                self._left -= 1
                broken = self._breaks(shorter)
                if broken and broken.law == self._law:
                    return shorter
                if self._left <= 0:
                    return None
        return None


def _without(events: Sequence[Event], size: int) -> Iterator[Sequence[Event]]:
    """Leave out each run of so many events."""
    for start in range(0, len(events), size):
        yield [*events[:start], *events[start + size :]]


def _with_fewer_records(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """Leave out half of the records of each event that has several."""
    for place, event in enumerate(events):
        if (count := len(event.records)) > 1:
            for kept in (event.records[: count // 2], event.records[count // 2 :]):
                yield [*events[:place], msgspec.structs.replace(event, records=kept), *events[place + 1 :]]


def shrink(breaks: Breaks, history: History, broken: BrokenError) -> History:
    """Make a history short that breaks a law."""
    return Shrinking(breaks, broken.law).shrink(history)
