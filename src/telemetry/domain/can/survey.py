"""What a log holds, id by id: how many frames, how often, and what its definitions make of them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from telemetry.domain.can.columns import Frames, Group

Stream = tuple[str, int, bool]
"""A bus, an id, and whether it is extended."""


class _Seen(msgspec.Struct):
    frames: int = 0
    decoded: int = 0
    first_us: int = 0
    last_us: int = 0
    lengths: set[int] = msgspec.field(default_factory=set)
    signals: dict[str, float] = msgspec.field(default_factory=dict)


class Line(msgspec.Struct, frozen=True):
    """What there is to say of one id of one bus; `signals` have their latest values."""

    bus: str
    can_id: str
    is_extended: bool
    frames: int
    decoded: int
    rate_hz: float | None
    lengths: Sequence[int]
    signals: Mapping[str, float]


class Survey:
    """Counts the frames of a log by bus and id."""

    def __init__(self) -> None:
        self._seen: defaultdict[Stream, _Seen] = defaultdict(_Seen)

    def see(self, frames: Frames, group: Group, signals: Sequence[dict[str, float]]) -> None:
        """Count a group of frames, and what those were decoded to that have a value."""
        times = frames.times_us[group.rows]
        low, high = int(times.min()), int(times.max())
        seen = self._seen[group[:3]]
        seen.first_us = min(seen.first_us, low) if seen.frames else low
        seen.last_us = max(seen.last_us, high) if seen.frames else high
        seen.frames += len(times)
        seen.decoded += len(signals)
        seen.lengths.add(group.length)
        for each in signals[-1:]:
            seen.signals.update(each)

    def lines(self) -> Iterator[Line]:
        """Yield what was seen, by bus and id."""
        for (bus, can_id, is_extended), seen in sorted(self._seen.items(), key=lambda item: item[0]):
            span_s = (seen.last_us - seen.first_us) / 1e6
            yield Line(
                bus,
                f"0x{can_id:X}",
                is_extended,
                seen.frames,
                seen.decoded,
                round((seen.frames - 1) / span_s, 3) if span_s else None,
                sorted(seen.lengths),
                seen.signals,
            )
