"""The signals that an MDF file holds decoded: the channels of a group that is none of bus logging."""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from telemetry.domain.can.measured import Measured
from telemetry.domain.can.naming import snake_names
from telemetry.domain.contract.signals import MAX_SIGNALS

AT_ONCE: Final = 65_536
"""Records of a group that are read at a time."""

_MESSAGE: Final = re.compile(r"(?:(\w+) )?.*\bID=0x([0-9A-Fa-f]{1,8})\b")
_MASTERS: Final = (2, 3)  # the types of a channel that is the time, or counts records
_NUMBERS: Final = "biuf"


class Channels:
    """The signals of one group, some rows at a time.

    Its `can_id` is that of the message whose name the group has, as asammdf writes it, or else the number of
    the group.
    """

    def __init__(self, mdf: Any, index: int, start_us: int) -> None:  # noqa: ANN401  # asammdf's own type has its one door
        self._mdf = mdf
        self._index = index
        self._start_us = start_us
        group = mdf.groups[index]
        self._left = range(0, group.channel_group.cycles_nr, AT_ONCE)
        message = _MESSAGE.match(getattr(group.channel_group, "acq_name", None) or "")
        self._bus = (message and message[1]) or "0"
        self._can_id = int(message[2], 16) if message else index
        self._places = _numeric(mdf, index)[:MAX_SIGNALS]
        self._names = snake_names([group.channels[place].name for place in self._places]).names
        self._latest_us = -(2**62)
        self._rows = self._next()

    @property
    def is_empty(self) -> bool:
        return not self._left and not self._rows.size

    @property
    def until_us(self) -> int:
        """Up to which time all rows of the group are read."""
        return self._latest_us if self._left else 2**62

    def take(self, until_us: int) -> Measured:
        """Take the rows up to a time, and read on if none is left."""
        end = int(np.searchsorted(self._rows.times_us, until_us, side="right"))
        taken, self._rows = self._rows.take(slice(end)), self._rows.take(slice(end, None))
        if self._left and not self._rows.size:
            self._rows = self._next()
        return taken

    def _next(self) -> Measured:
        start, self._left = self._left[0], self._left[1:]
        columns = [_column(self._mdf, self._index, place, start) for place in self._places]
        times_us = np.rint(columns[0][0] * 1e6).astype(np.int64) + self._start_us
        times_us = np.maximum(np.maximum.accumulate(times_us), self._latest_us)
        self._latest_us = int(times_us[-1])
        values = np.column_stack([values for _, values in columns])
        values[~np.isfinite(values)] = np.nan
        return Measured(times_us, self._bus, self._can_id, self._names, values)


def has_channels(mdf: Any, index: int) -> bool:  # noqa: ANN401  # as above
    """Return whether a group holds signals that are numbers."""
    return mdf.groups[index].channel_group.cycles_nr > 0 and bool(_numeric(mdf, index))


def _numeric(mdf: Any, index: int) -> Sequence[int]:  # noqa: ANN401  # as above
    """Return the places of the channels of a group that are single numbers, and not its time."""
    places = []
    for place, channel in enumerate(mdf.groups[index].channels):
        if channel.channel_type in _MASTERS:
            continue
        sample = mdf.get(group=index, index=place, raw=True, record_count=1, samples_only=True)[0]
        if sample.ndim == 1 and sample.dtype.kind in _NUMBERS:
            places.append(place)
    return places


def _column(
    mdf: Any,  # noqa: ANN401  # as above
    index: int,
    place: int,
    start: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return times and values of a channel; a payload holds numbers, and not the names of states."""
    signal = mdf.get(group=index, index=place, raw=True, record_offset=start, record_count=AT_ONCE)
    values = signal.samples
    if signal.conversion is not None:
        values = signal.conversion.convert(values, ignore_value2text_conversions=True)
    if values.dtype.kind not in _NUMBERS:
        values = signal.samples
    return signal.timestamps, values.astype(np.float64)
