"""Use-case: turn the frames of a CAN log into records of one vehicle, and keep book of those that are none.

The times of a log are moved as a whole, so that its first frame, known or not, lies at a given moment; what is finer
than a millisecond is cut off. Two frames of one id that then share a millisecond would be one record delivered twice,
and the second would be dropped. Real logs have such frames, where the logger took in a burst: so the later one is
nudged to the next free millisecond, and frames of one id stay in the order of the log.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from telemetry.domain.can.frame import Frame, Outcome, UndecodableFrameError
from telemetry.domain.contract.moment import epoch_ms
from telemetry.domain.contract.record import Record

# What RFC 3339 can spell, with a day to spare for frames that are nudged.
_EARLIEST: Final = epoch_ms(datetime.min.replace(tzinfo=UTC))
_LATEST: Final = epoch_ms(datetime(9999, 12, 31, tzinfo=UTC))

_TICK_S: Final = 0.1  # of the log's time that a run spans at the most


class ReplayCounts(msgspec.Struct):
    """What became of the frames; each counter is by CAN id, and says more where more is to say.

    `furthest` is by how many milliseconds a frame was nudged at the most.
    """

    frames: int = 0
    undefined: Counter[str] = msgspec.field(default_factory=Counter)
    undecodable: Counter[str] = msgspec.field(default_factory=Counter)
    blank: Counter[str] = msgspec.field(default_factory=Counter)
    """Frames that were decoded and have no signal that is available."""
    short: Counter[str] = msgspec.field(default_factory=Counter)
    """Frames that were decoded as far as they go."""
    unavailable: Counter[str] = msgspec.field(default_factory=Counter)
    nudged: Counter[str] = msgspec.field(default_factory=Counter)
    furthest: int = 0

    @property
    def decoded(self) -> int:
        return self.frames - self.undefined.total() - self.undecodable.total()

    @property
    def records(self) -> int:
        return self.decoded - self.blank.total()


def paced(frames: Iterable[Frame], most: int, speed: float) -> Iterator[tuple[float, Sequence[Frame]]]:
    """Cut a log into runs of at most so many frames, each with the seconds after the start at which it is due.

    It is due when its last frame is, if the log is played at `speed` times its own; at an infinite one, at once. A
    frame whose time goes back, or is none, is due with the one before.
    """
    origin, begun, due = None, 0.0, 0.0
    run: list[Frame] = []
    for frame in frames:
        origin = frame.timestamp if origin is None else origin
        latest = max(due, (frame.timestamp - origin) / speed)
        if run and (len(run) >= most or latest > begun + _TICK_S):
            yield due, run
            run = []
        due = latest if latest < math.inf else due
        begun = begun if run else due
        run.append(frame)
    if run:
        yield due, run


class Extent:
    """How far the times of a log reach, whose frames are added in their order; a time that is none does not count."""

    def __init__(self) -> None:
        self._first: float | None = None
        self.seconds = 0.0
        """How long after its first frame the latest one was logged."""

    def add(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self._first = frame.timestamp if self._first is None else self._first
            reach = frame.timestamp - self._first
            self.seconds = max(self.seconds, reach if math.isfinite(reach) else 0.0)


def start_ms(now: int, extent_s: float, speed: float, ahead_ms: int) -> int:
    """Return when a log has to start (epoch milliseconds) so that each record can be believed when it is sent.

    Sent at once, it ends now. Played at a `speed`, it starts now. One that is played fast runs ahead of the clock; if
    this comes to more than `ahead_ms`, the log starts so much earlier that it ends at the moment at which it is sent.
    """
    # By whole microseconds, the resolution of logs, and then up to the millisecond.
    lead_ms = math.ceil(round(extent_s * max(0.0, 1 - 1 / speed) * 1_000_000) / 1000)
    return now if speed < math.inf and lead_ms <= ahead_ms else now - lead_ms


class LogReplay:
    """One log of one vehicle, from `start` on (epoch milliseconds), or at its own times without one.

    `decode` tells what became of each frame, in their order, or None of one that it has no definition of. `counts` says
    what became of the frames.
    """

    def __init__(
        self,
        decode: Callable[[Sequence[Frame]], Sequence[Outcome | None]],
        vehicle_id: str,
        start: int | None,
    ) -> None:
        self._decode = decode
        self._vehicle_id = vehicle_id
        self._start = start or 0
        self._origin = None if start is not None else 0.0
        self._last: dict[str, int] = {}
        self.counts = ReplayCounts()

    def records(self, frames: Sequence[Frame]) -> Sequence[Record]:
        """Turn the next frames of the log into records, one a frame that has something to say."""
        outcomes = zip(frames, self._decode(frames), strict=True)
        return [record for frame, outcome in outcomes if (record := self._record(frame, outcome))]

    def _record(self, frame: Frame, outcome: Outcome | None) -> Record | None:
        self.counts.frames += 1
        can_id = f"0x{frame.can_id:X}"
        try:
            timestamp = self._timestamp(frame)
        except UndecodableFrameError as error:
            outcome = error
        if outcome is None:
            self.counts.undefined[can_id] += 1
            return None
        if isinstance(outcome, UndecodableFrameError):
            self.counts.undecodable[f"{can_id} ({outcome})"] += 1
            return None
        self.counts.short[can_id] += outcome.is_short
        self.counts.unavailable.update(f"{name} ({can_id})" for name in outcome.unavailable)
        if not outcome.signals:
            self.counts.blank[can_id] += 1
            return None
        return Record(self._nudge(can_id, timestamp), self._vehicle_id, can_id, outcome.signals)

    def _timestamp(self, frame: Frame) -> int:
        """Move a frame's time. Raises UndecodableFrameError if it cannot be spelled."""
        if self._origin is None:
            self._origin = frame.timestamp
        seconds = frame.timestamp - self._origin
        if not _EARLIEST <= self._start + seconds * 1000 <= _LATEST:
            raise UndecodableFrameError("its time lies outside the years 1 to 9999")
        # By whole microseconds, the resolution of logs: as a float, 1.001 s may be a bit less than 1001 ms.
        return self._start + round(seconds * 1_000_000) // 1000

    def _nudge(self, can_id: str, timestamp: int) -> int:
        free = max(timestamp, self._last.get(can_id, timestamp - 1) + 1)
        self.counts.nudged[can_id] += free > timestamp
        self.counts.furthest = max(self.counts.furthest, free - timestamp)
        self._last[can_id] = free
        return free
