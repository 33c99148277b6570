"""What the buses of simulated cars carry: their signals as frames, each message at its own period.

A message is sent at the period of its definition, but at most once a sample, since nothing is known between
samples. It is sent only if at least one of its signals is known. Its other signals are sent as not available.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from telemetry.domain.can import bits
from telemetry.domain.can.layout import Cyclic
from telemetry.domain.can.scaling import Floats


class MessageFrames(NamedTuple):
    """The frames of one message, one a car."""

    can_id: int
    frames: Sequence[bytes]


class Broadcast:
    """The buses of cars that are all sampled every `sampling_ms`; `messages` are what they may send."""

    def __init__(self, messages: Sequence[Cyclic], sampling_ms: int) -> None:
        self._messages = messages
        self._sampling_ms = sampling_ms
        self._numbers: Counter[int] = Counter()

    def due(self, elapsed_ms: int, signals: Mapping[str, Floats]) -> Iterator[MessageFrames]:
        """Yield the frames that are due `elapsed_ms` after the start; known signals have values (cars,)."""
        for can_id, period_ms, layout in self._messages:
            is_due = elapsed_ms // period_ms > (elapsed_ms - self._sampling_ms) // period_ms
            if is_due and not signals.keys().isdisjoint(layout.names):
                known = {name: signals[name] for name in layout.names if name in signals}
                words = layout.encode(known, self._numbers[can_id])
                yield MessageFrames(can_id, bits.frames(words, layout.size))
                self._numbers[can_id] += 1
