"""CAN frames, and layouts that say where each signal lies; many frames are decoded or encoded at once."""

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
    """A file of frames or of definitions cannot be used; its text names the file and what to change."""


class UndecodableFrameError(TelemetryError, ValueError):
    """A frame does not fit its definition; its text says why."""


class Frame(NamedTuple):
    """A data frame of a bus; `timestamp_s` counts seconds from the start that its log counts from."""

    timestamp_s: float
    can_id: int
    data: bytes
    is_extended: bool = False


class Decoded(NamedTuple):
    """The signals of a frame in their units, and the names of the signals whose value is not available.

    `is_short` says that the frame has fewer bytes than its definition, so that signals are missing.
    """

    signals: dict[str, float]
    unavailable: Sequence[str]
    is_short: bool = False


Outcome: TypeAlias = Decoded | UndecodableFrameError
"""The result of decoding a frame that has a definition."""

Reader: TypeAlias = Callable[[Sequence[bytes]], Sequence[Outcome]]
"""Decodes frames of one id, all of one size, in their order."""


class Layout:
    """The signals of one message of `size` bytes, each with its field."""

    def __init__(
        self, signals: Sequence[tuple[Signal, Field]], size: int, protection: Protection | None = None
    ) -> None:
        """Raise ValueError if a field reaches beyond `size` bytes, or two fields share bits."""
        used = MASK if protection else 0
        for signal, field in signals:
            if field.size > size or used & field.mask:
                raise ValueError(f"{signal.name} reaches beyond {size} bytes or into another signal")
            used |= field.mask
        self.size = size
        self.names = [signal.name for signal, _ in signals]
        self._signals = signals
        self._protection = protection
        # Unused bits are sent as ones, because the car sends most of them so.
        self._blank = np.uint64(2 ** (8 * size) - 1 & ~used)

    def decode(self, words: Words, size: int) -> Mapping[str, Floats]:
        """Decode words (n,) of frames that all have `size` bytes. A value that is not available is NaN.

        If the frames are shorter than the layout, return the signals that lie in them whole.
        """
        return {
            signal.name: signal.values(field.take(words))
            for signal, field in self._signals
            if field.size <= size
        }

    def encode(self, values: Mapping[str, Floats], number: int = 0) -> Words:
        """Make the words of frames that hold the values (n,) of at least one signal.

        Each frame is the one of this `number` of its sender. A signal without values, and a value that is
        NaN, is sent as not available. Raise ValueError naming a signal that has no raw value for one of its
        values.
        """
        count = len(next(iter(values.values())))
        absent = np.full(count, np.nan)
        words = np.full(count, self._blank)
        for signal, field in self._signals:
            words |= field.put(signal.raws(values.get(signal.name, absent)))
        return self._protection.protect(words, self.size, number) if self._protection else words

    def read(self, frames: Sequence[bytes]) -> Sequence[Outcome]:
        """Decode frames, at least one and all of one size, in their order.

        Bytes beyond the size of the layout are ignored.
        """
        words, size = bits.words(frames), len(frames[0])
        columns = self.decode(words, size)
        if not columns:
            too_short = UndecodableFrameError(f"{size} bytes hold none of its signals whole")
            return [too_short] * len(frames)
        outcomes: Sequence[Outcome] = _rows(columns, is_short=size < self.size)
        if not self._protection:
            return outcomes
        damaged = UndecodableFrameError("its checksum is wrong")
        intact = self._protection.is_intact(words, min(size, self.size)).tolist()
        return [
            outcome if is_intact else damaged for outcome, is_intact in zip(outcomes, intact, strict=True)
        ]


class Cyclic(NamedTuple):
    """A message that is sent every `period_ms`."""

    can_id: int
    period_ms: int
    layout: Layout


def decode(frames: Sequence[Frame], readers: Mapping[tuple[int, bool], Reader]) -> Sequence[Outcome | None]:
    """Decode frames of many ids, in their order.

    A reader is found by a frame's id and by whether the id is extended. The outcome of a frame without a
    reader is None.
    """
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
    """Turn the columns of signals into one row a frame."""
    table = np.column_stack(list(columns.values()))
    missing = np.isnan(table)
    names = list(columns)
    decoded = [Decoded(dict(zip(names, row, strict=True)), (), is_short) for row in table.tolist()]
    for place in np.flatnonzero(missing.any(axis=1)).tolist():
        unavailable = [name for name, is_missing in zip(names, missing[place], strict=True) if is_missing]
        known = {name: value for name, value in decoded[place].signals.items() if name not in unavailable}
        decoded[place] = Decoded(known, unavailable, is_short)
    return decoded
