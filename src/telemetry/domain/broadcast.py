"""What the buses of simulated cars carry: the records of a sample as frames, each message in its own rhythm.

A message is sent as often as its definition says, but at most once a sample, since nothing is known in between; and
only if at least one of its signals is known. The signals that are not are sent as not available.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from telemetry.domain.bits import frames
from telemetry.domain.frame import Cyclic
from telemetry.domain.message import Record
from telemetry.domain.scaling import Floats

# What a BMW i3 60 Ah that is switched on sends beside what is measured. Source: its own bus, in the logs of
# damienmaguire/BMW-i3-CCS, from two cars; the displayed SoC is a line through theirs, within 1.8 points.
_CONTACTORS_CLOSED: Final = 2.0
_SOC_WINDOW: Final = (8.0, 85.0)  # %
_ENERGY_CONTENT: Final = 17.0  # kWh
_DISPLAY_SLOPE: Final = 1.277
_DISPLAY_OFFSET: Final = -8.8  # %


class Sent(NamedTuple):
    """The frames of one message, one a car."""

    can_id: int
    data: Sequence[bytes]


class Broadcast:
    """The buses of cars that are all sampled every `sampling` milliseconds; `messages` are what they may send."""

    def __init__(self, messages: Sequence[Cyclic], sampling: int) -> None:
        self._messages = messages
        self._sampling = sampling
        self._numbers: Counter[int] = Counter()

    def __call__(self, elapsed: int, records: Sequence[Record]) -> Iterator[Sent]:
        """Send what is due `elapsed` milliseconds after the start, of at least one record, one a car, all alike."""
        signals = _columns(records)
        signals = {**_known(signals), **signals}
        for can_id, period, layout in self._messages:
            is_due = elapsed // period > (elapsed - self._sampling) // period
            if is_due and not signals.keys().isdisjoint(layout.names):
                known = {name: signals[name] for name in layout.names if name in signals}
                yield Sent(can_id, frames(layout.encode(known, self._numbers[can_id]), layout.size))
                self._numbers[can_id] += 1


def _columns(records: Sequence[Record]) -> Mapping[str, Floats]:
    return {name: np.array([record.payload[name] for record in records]) for name in records[0].payload}


def _known(signals: Mapping[str, Floats]) -> Mapping[str, Floats]:
    """Say what follows from the measured signals (n,), for those that are there."""
    known = {}
    if "battery_soc" in signals:
        soc = signals["battery_soc"]
        known["soc_window_min"], known["soc_window_max"] = (np.full_like(soc, end) for end in _SOC_WINDOW)
        known["display_soc"] = np.clip(_DISPLAY_SLOPE * soc + _DISPLAY_OFFSET, 0.0, 100.0)
        known["energy_content_max"] = np.full_like(soc, _ENERGY_CONTENT)
    if "battery_voltage" in signals:
        known["dc_link_voltage"] = signals["battery_voltage"]
        known["contactor_state"] = np.full_like(signals["battery_voltage"], _CONTACTORS_CLOSED)
    return known
