"""CAN frames, and layouts that say which signals lie where in them, compiled so that many are read or made at once."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from telemetry.domain.can import bits
from telemetry.domain.can.bits import Field, Words
from telemetry.domain.can.protection import MASK, Protection
from telemetry.domain.can.scaling import Floats, Signal
from telemetry.domain.errors import TelemetryError, UsageError


class UnreadableError(UsageError):
    """A file of frames or of definitions is not what it should be; its text names the file and what to change."""


class UndecodableFrameError(TelemetryError, ValueError):
    """A frame does not fit its definition; its text says why."""


class Frame(NamedTuple):
    """A data frame of a bus; `timestamp` is in seconds, counted from wherever its log counts from."""

    timestamp: float
    can_id: int
    data: bytes
    is_extended: bool = False


class Decoded(NamedTuple):
    """The signals of a frame in their units, and those whose value is not available, all by name.

    `is_short` tells that the frame ended before its definition, so that signals are missing.
    """

    signals: dict[str, float]
    unavailable: Sequence[str]
    is_short: bool = False


Outcome: TypeAlias = Decoded | UndecodableFrameError
"""What became of a frame of which there is a definition."""

Reader: TypeAlias = Callable[[Sequence[bytes]], Sequence[Outcome]]
"""Reads frames of one id, all of one size, in their order."""


class Layout:
    """The signals of one message of `size` bytes, each with its field.

    Raises ValueError if it cannot be compiled: it has more than 8 bytes, a field reaches beyond them, or two share bits.
    """

    def __init__(
        self, signals: Sequence[tuple[Signal, Field]], size: int, protection: Protection | None = None
    ) -> None:
        used = MASK if protection else 0
        for signal, field in signals:
            if field.size > size or used & field.mask:
                raise ValueError(f"{signal.name} reaches beyond {size} bytes or into another signal")
            used |= field.mask
        self.size = size
        self.names = [signal.name for signal, _ in signals]
        self._signals = signals
        self._protection = protection
        # Unused bits are sent as ones, as the car does with most of them.
        self._blank = np.uint64(2 ** (8 * size) - 1 & ~used)

    def decode(self, frames: Words, size: int) -> Mapping[str, Floats]:
        """Decode words (n,) of frames that all have `size` bytes, NaN where a value is not available.

        Of frames shorter than the layout there are the signals that lie in them whole.
        """
        return {
            signal.name: signal.values(field.take(frames))
            for signal, field in self._signals
            if field.size <= size
        }

    def encode(self, values: Mapping[str, Floats], number: int = 0) -> Words:
        """Make the words of frames, each the one of this `number` of its sender, of at least one signal's values (n,).

        Signals without values, and those that are NaN, are sent as not available. Raises ValueError naming a signal
        that has no raw value for one of its values.
        """
        count = len(next(iter(values.values())))
        absent = np.full(count, np.nan)
        frames = np.full(count, self._blank)
        for signal, field in self._signals:
            frames |= field.put(signal.raws(values.get(signal.name, absent)))
        return self._protection.protect(frames, self.size, number) if self._protection else frames

    def read(self, frames: Sequence[bytes]) -> Sequence[Outcome]:
        """Read frames, at least one and all of one size, in their order; those beyond the layout's size as if cut."""
        words, size = bits.words(frames), len(frames[0])
        columns = self.decode(words, size)
        if not columns:
            why = UndecodableFrameError(f"{size} bytes hold none of its signals whole")
            return [why] * len(frames)
        outcomes: Sequence[Outcome] = _rows(columns, is_short=size < self.size)
        if not self._protection:
            return outcomes
        broken = UndecodableFrameError("its checksum is wrong")
        intact = self._protection.is_intact(words, min(size, self.size)).tolist()
        return [outcome if good else broken for outcome, good in zip(outcomes, intact, strict=True)]


class Cyclic(NamedTuple):
    """A message that is sent every `period` milliseconds."""

    can_id: int
    period: int
    layout: Layout


def decode(frames: Sequence[Frame], readers: Mapping[tuple[int, bool], Reader]) -> Sequence[Outcome | None]:
    """Decode frames of many kinds, in their order; None where there is no reader for its id, standard or extended."""
    kinds: defaultdict[tuple[tuple[int, bool], int], list[int]] = defaultdict(list)
    for place, frame in enumerate(frames):
        kinds[(frame.can_id, frame.is_extended), len(frame.data)].append(place)
    outcomes: list[Outcome | None] = [None] * len(frames)
    for (kind, _), places in kinds.items():
        if read := readers.get(kind):
            for place, outcome in zip(places, read([frames[place].data for place in places]), strict=True):
                outcomes[place] = outcome
    return outcomes


def _rows(columns: Mapping[str, Floats], *, is_short: bool) -> Sequence[Decoded]:
    """Turn columns into what each frame says."""
    table = np.column_stack(list(columns.values()))
    lacking = np.isnan(table)
    names = list(columns)
    decoded = [Decoded(dict(zip(names, row, strict=True)), (), is_short) for row in table.tolist()]
    for place in np.flatnonzero(lacking.any(axis=1)).tolist():
        unavailable = [name for name, lacks in zip(names, lacking[place], strict=True) if lacks]
        known = {name: value for name, value in decoded[place].signals.items() if name not in unavailable}
        decoded[place] = Decoded(known, unavailable, is_short)
    return decoded
