"""The signals that an MDF file holds decoded: the channels of a group that is none of bus logging."""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from telemetry.adapters.can.logs.mf4_rows import AT_ONCE, Rows
from telemetry.domain.can.measured import Measured
from telemetry.domain.can.naming import snake_names
from telemetry.domain.contract.signals import MAX_SIGNALS

_MESSAGE: Final = re.compile(r"(?:(\w+) )?.*\bID=0x([0-9A-Fa-f]{1,8})\b")
_MASTERS: Final = (2, 3)  # the types of a channel that is the time, or counts records
_NUMBERS: Final = "biuf"


class Channels(Rows[Measured]):
    """The signals of one group, some rows at a time.

    Its `can_id` is that of the message whose name the group has, as asammdf writes it, or else the number of
    the group.
    """

    def __init__(self, mdf: Any, index: int, start_us: int) -> None:  # noqa: ANN401  # asammdf's own type has its one door
        self._mdf = mdf
        self._index = index
        group = mdf.groups[index]
        message = _MESSAGE.match(getattr(group.channel_group, "acq_name", None) or "")
        self._bus = (message and message[1]) or "0"
        self._can_id = int(message[2], 16) if message else index
        self._places = _numeric(mdf, index)[:MAX_SIGNALS]
        self._names = snake_names([group.channels[place].name for place in self._places]).names
        super().__init__(group.channel_group.cycles_nr, start_us)

    def _read(self, start: int) -> Measured:
        columns = [_column(self._mdf, self._index, place, start) for place in self._places]
        times_us = self._times(columns[0][0])
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
