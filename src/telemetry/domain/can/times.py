"""The times of a log: how far they reach, where they are odd, when it starts, when a frame is due."""

import math
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from telemetry.domain.can.columns import Frames
from telemetry.domain.can.measured import Block

_LONGEST_RUN_S: Final = 0.1  # of the log's time at its own speed
_JUMP_US: Final = 60_000_000
_LONGEST_GAP_S: Final = 3600.0  # a longer one is a clock that was set, and nobody waits for it
_WAIT_S: Final = 1.0  # in its place
_BACK_US: Final = 1000  # loggers write the frames of two buses a bit out of order


class Extent(msgspec.Struct):
    """How far the times of a log reach, and where they are odd; frames are added in their order.

    A time goes back if it lies a millisecond or more before the one before it. It jumps if it lies more than
    a minute after. `furthest_back_us` and `longest_jump_us` are the largest of each.
    """

    first_us: int | None = None
    latest_us: int = 0
    back: int = 0
    furthest_back_us: int = 0
    jumps: int = 0
    longest_jump_us: int = 0
    _last_us: int = 0

    @property
    def seconds(self) -> float:
        """How long after its first frame the latest one was logged."""
        return 0.0 if self.first_us is None else (self.latest_us - self.first_us) / 1e6

    def add(self, frames: Block) -> None:
        """Add the next frames."""
        if not frames.size:
            return
        if self.first_us is None:
            self.first_us = self.latest_us = self._last_us = int(frames.times_us[0])
        self.latest_us = max(self.latest_us, int(frames.times_us.max()))
        if not isinstance(frames, Frames):
            return  # groups of signals follow each other in no order of time
        steps = np.diff(frames.times_us, prepend=self._last_us)
        self.back += int(np.count_nonzero(steps <= -_BACK_US))
        self.jumps += int(np.count_nonzero(steps > _JUMP_US))
        self.furthest_back_us = max(self.furthest_back_us, -int(steps.min()))
        self.longest_jump_us = max(self.longest_jump_us, int(steps.max()))
        self._last_us = int(frames.times_us[-1])


def start_ms(now: int, extent_s: float, speed: float, ahead_ms: int) -> int:
    """Return when a log has to start (epoch milliseconds) so that each record is believed when it is sent.

    Sent at once, it ends now. Played at a `speed`, it starts now. One that is played fast runs ahead of the
    clock; if this comes to more than `ahead_ms`, the log starts so much earlier that it ends at the moment at
    which it is sent.
    """
    # By whole microseconds, the resolution of logs, and then up to the millisecond.
    lead_ms = math.ceil(round(extent_s * max(0.0, 1 - 1 / speed) * 1_000_000) / 1000)
    return now if speed < math.inf and lead_ms <= ahead_ms else now - lead_ms


class Pace:
    """When the frames of a log are due, in seconds after the start, if it is played at `speed`.

    A frame whose time goes back is due with the frame before it. A gap of more than an hour is a clock that
    was set: it is waited for a second, and counted in `shortened`. If the speed is infinite, all frames are
    due at once.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._last_us: int | None = None
        self._due_s = 0.0
        self.shortened = 0

    def runs(self, frames: Block) -> Iterator[tuple[float, Block]]:
        """Cut the next frames into runs; yield each with the time at which its last frame is due.

        A run spans no more than a tenth of a second.
        """
        if not frames.size:
            return
        if self._speed == math.inf:
            yield 0.0, frames
            return
        dues = self._dues(frames)
        start = 0
        while start < len(dues):
            end = int(np.searchsorted(dues, dues[start] + _LONGEST_RUN_S, side="right"))
            yield float(dues[end - 1]), frames.take(slice(start, end))
            start = end

    def _dues(self, frames: Block) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        last_us = int(frames.times_us[0]) if self._last_us is None else self._last_us
        highest = np.maximum.accumulate(np.concatenate(([last_us], frames.times_us)))
        self._last_us = int(highest[-1])
        gaps = np.diff(highest) / 1e6
        long = gaps > _LONGEST_GAP_S
        self.shortened += int(np.count_nonzero(long))
        dues: np.ndarray[tuple[int], np.dtype[np.float64]] = (
            self._due_s + np.cumsum(np.where(long, _WAIT_S * self._speed, gaps)) / self._speed
        )
        self._due_s = float(dues[-1])
        return dues
