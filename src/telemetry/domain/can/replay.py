"""Use-case: turn the frames of a CAN log into records of one vehicle, and count the frames that become none.

The times of a log are moved as a whole, so that its first frame, known or not, lies at a given moment. What
is finer than a millisecond is cut off. Two frames of one id that then share a millisecond would be one record
delivered twice, and the second would be dropped. Real logs have such frames, where the logger received a
burst. So the later one is nudged to the next free millisecond, and frames of one id stay in the order of the
log.
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

# The moments that RFC 3339 can express, with a day to spare for frames that are nudged.
_EARLIEST_MS: Final = epoch_ms(datetime.min.replace(tzinfo=UTC))
_LATEST_MS: Final = epoch_ms(datetime(9999, 12, 31, tzinfo=UTC))

_LONGEST_RUN_S: Final = 0.1  # of the log's time at its own speed


class ReplayCounts(msgspec.Struct):
    """How many frames had which outcome; each counter is by CAN id, some with a signal or a reason beside it.

    `furthest` is the most milliseconds by which a frame was nudged.
    """

    frames: int = 0
    undefined: Counter[str] = msgspec.field(default_factory=Counter)
    undecodable: Counter[str] = msgspec.field(default_factory=Counter)
    blank: Counter[str] = msgspec.field(default_factory=Counter)
    """Frames that were decoded and have no available signal."""
    short: Counter[str] = msgspec.field(default_factory=Counter)
    """Frames that are shorter than their definition; the signals that they hold were decoded."""
    unavailable: Counter[str] = msgspec.field(default_factory=Counter)
    nudged: Counter[str] = msgspec.field(default_factory=Counter)
    furthest: int = 0

    @property
    def decoded(self) -> int:
        return self.frames - self.undefined.total() - self.undecodable.total()

    @property
    def records(self) -> int:
        return self.decoded - self.blank.total()


def paced(frames: Iterable[Frame], limit: int, speed: float) -> Iterator[tuple[float, Sequence[Frame]]]:
    """Cut a log into runs of at most `limit` frames; yield each with the time at which it is due.

    That time is in seconds after the start. The log is played at `speed` times its own speed; if that is
    infinite, all runs are due at once. A run is due when its last frame is. A frame whose time goes back, or
    is not a number, is due with the frame before it.
    """
    origin_s, first_due_s, due_s = None, 0.0, 0.0
    run: list[Frame] = []
    for frame in frames:
        origin_s = frame.timestamp_s if origin_s is None else origin_s
        latest_s = max(due_s, (frame.timestamp_s - origin_s) / speed)
        if run and (len(run) >= limit or latest_s > first_due_s + _LONGEST_RUN_S):
            yield due_s, run
            run = []
        due_s = latest_s if latest_s < math.inf else due_s
        first_due_s = first_due_s if run else due_s
        run.append(frame)
    if run:
        yield due_s, run


class Extent:
    """How far the times of a log reach; frames are added in order, and a time that is none does not count."""

    def __init__(self) -> None:
        self._first: float | None = None
        self.seconds = 0.0
        """How long after its first frame the latest one was logged."""

    def add(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self._first = frame.timestamp_s if self._first is None else self._first
            reach = frame.timestamp_s - self._first
            self.seconds = max(self.seconds, reach if math.isfinite(reach) else 0.0)


def start_ms(now: int, extent_s: float, speed: float, ahead_ms: int) -> int:
    """Return when a log has to start (epoch milliseconds) so that each record is believed when it is sent.

    Sent at once, it ends now. Played at a `speed`, it starts now. One that is played fast runs ahead of the
    clock; if this comes to more than `ahead_ms`, the log starts so much earlier that it ends at the moment at
    which it is sent.
    """
    # By whole microseconds, the resolution of logs, and then up to the millisecond.
    lead_ms = math.ceil(round(extent_s * max(0.0, 1 - 1 / speed) * 1_000_000) / 1000)
    return now if speed < math.inf and lead_ms <= ahead_ms else now - lead_ms


class LogReplay:
    """One log of one vehicle, which begins at `start_ms`; if that is None, the log keeps its own times.

    `decode` returns the outcome of each frame, in their order, and None for a frame without a definition.
    `counts` has the outcomes of all frames so far.
    """

    def __init__(
        self,
        decode: Callable[[Sequence[Frame]], Sequence[Outcome | None]],
        vehicle_id: str,
        start_ms: int | None,
    ) -> None:
        self._decode = decode
        self._vehicle_id = vehicle_id
        self._start_ms = start_ms or 0
        self._origin_s = None if start_ms is not None else 0.0
        self._last_ms: dict[str, int] = {}
        self.counts = ReplayCounts()

    def records(self, frames: Sequence[Frame]) -> Sequence[Record]:
        """Turn the next frames of the log into records, one a frame that has an available signal."""
        outcomes = zip(frames, self._decode(frames), strict=True)
        return [record for frame, outcome in outcomes if (record := self._record(frame, outcome))]

    def _record(self, frame: Frame, outcome: Outcome | None) -> Record | None:
        self.counts.frames += 1
        can_id = f"0x{frame.can_id:X}"
        try:
            timestamp_ms = self._timestamp_ms(frame)
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
        return Record(self._nudge(can_id, timestamp_ms), self._vehicle_id, can_id, outcome.signals)

    def _timestamp_ms(self, frame: Frame) -> int:
        """Move a frame's time. Raise UndecodableFrameError if it then lies outside the years 1 to 9999."""
        if self._origin_s is None:
            self._origin_s = frame.timestamp_s
        elapsed_s = frame.timestamp_s - self._origin_s
        if not _EARLIEST_MS <= self._start_ms + elapsed_s * 1000 <= _LATEST_MS:
            raise UndecodableFrameError("its time lies outside the years 1 to 9999")
        # By whole microseconds, the resolution of logs: as a float, 1.001 s may be a bit less than 1001 ms.
        return self._start_ms + round(elapsed_s * 1_000_000) // 1000

    def _nudge(self, can_id: str, timestamp_ms: int) -> int:
        """Return the first free millisecond of an id from `timestamp_ms` on, and take it."""
        free_ms = max(timestamp_ms, self._last_ms.get(can_id, timestamp_ms - 1) + 1)
        self.counts.nudged[can_id] += free_ms > timestamp_ms
        self.counts.furthest = max(self.counts.furthest, free_ms - timestamp_ms)
        self._last_ms[can_id] = free_ms
        return free_ms
