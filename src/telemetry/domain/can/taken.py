"""Which milliseconds the frames of one id have taken, and where a frame goes whose own is taken.

Two frames of one id that share a millisecond would be one record delivered twice, and the second would be
dropped. So the later one is moved to the next free millisecond. A frame whose own millisecond is free stays
there, wherever it lies: a clock that was set back does not move it. What is remembered is bounded: it is the
last million frames of an id.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Millis: TypeAlias = npt.NDArray[np.int64]

_REMEMBERED: Final = 1_000_000  # frames of an id


class _Stretch(NamedTuple):
    """Taken milliseconds in ascending order: the first, the last, and the steps from one to the next."""

    first: int
    last: int
    steps: npt.NDArray[np.unsignedinteger]

    @classmethod
    def of(cls, ordered: Millis) -> "_Stretch":
        steps = np.diff(ordered)
        narrow = np.uint16 if not steps.size or int(steps.max()) <= np.iinfo(np.uint16).max else np.uint64
        return cls(int(ordered[0]), int(ordered[-1]), steps.astype(narrow))

    def milliseconds(self) -> Sequence[int]:
        behind: list[int] = (np.cumsum(self.steps, dtype=np.int64) + self.first).tolist()
        return [self.first, *behind]


class Taken:
    """The milliseconds that the frames of one id have taken so far."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._stretches: deque[_Stretch] = deque()
        self._size = 0
        self._highest: int | None = None
        self._run_start = 0  # from here to the highest, each millisecond is taken

    def place(self, wanted: Millis) -> Millis:
        """Take a millisecond for each of the next frames (n,), at least one; return them.

        Each gets the one that it wants, or the first free one after it.
        """
        is_onward = self._highest is None or wanted[0] >= self._run_start
        if is_onward and (wanted[1:] >= wanted[:-1]).all():
            placed = self._onward(wanted)
        else:
            placed = self._anywhere(wanted)
        self._remember(np.sort(placed))
        return placed

    def _onward(self, wanted: Millis) -> Millis:
        """Place frames that do not go back: each right behind the one before it, or where it wants to be."""
        rank = np.arange(len(wanted))
        lead = wanted - rank
        if self._highest is not None and wanted[0] <= self._highest:
            lead[0] = self._highest + 1
        placed: Millis = np.maximum.accumulate(lead) + rank
        return placed

    def _anywhere(self, wanted: Millis) -> Millis:
        """Place frames one by one."""
        low, high = int(wanted.min()), int(wanted.max()) + len(wanted)
        after: dict[int, int] = {}  # of a taken millisecond, one after it up to which all are taken
        for stretch in self._stretches:
            if stretch.first <= high + self._size and stretch.last >= low:
                after.update((ms, ms + 1) for ms in stretch.milliseconds())
        return np.fromiter((_take(after, ms) for ms in wanted.tolist()), np.int64, len(wanted))

    def _remember(self, ordered: Millis) -> None:
        self._stretches.append(_Stretch.of(ordered))
        self._size += len(ordered)
        while self._size > self._remembered and len(self._stretches) > 1:
            self._size -= len(self._stretches.popleft().steps) + 1
        highest = int(ordered[-1])
        if self._highest is None or highest > self._highest:
            breaks = np.flatnonzero(np.diff(ordered) > 1)
            start = int(ordered[breaks[-1] + 1]) if breaks.size else int(ordered[0])
            is_joined = self._highest is not None and self._run_start <= start <= self._highest + 1
            self._run_start = self._run_start if is_joined and not breaks.size else start
            self._highest = highest


def _take(after: dict[int, int], wanted: int) -> int:
    """Return the first free millisecond from `wanted` on, and take it."""
    free, passed = wanted, []
    while (step := after.get(free)) is not None:
        passed.append(free)
        free = step
    for ms in passed:
        after[ms] = free + 1
    after[free] = free + 1
    return free
