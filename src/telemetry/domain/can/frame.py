"""CAN frames, and what they decode to."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from telemetry.domain.errors import TelemetryError, UsageError


class UnreadableError(UsageError):
    """A file of frames or of definitions cannot be used; its text names the file and what to change."""


class UndecodableFrameError(TelemetryError, ValueError):
    """A frame does not fit its definition; its text says why."""


class Frame(NamedTuple):
    """A data frame of a bus; `timestamp_s` counts seconds from the start that its log counts from.

    `bus` is the name of the bus in the log, if it has one.
    """

    timestamp_s: float
    can_id: int
    data: bytes
    is_extended: bool = False
    bus: str = ""


class Decoded(NamedTuple):
    """The signals of a frame in their units, and the names of those that are left out or odd.

    `unavailable` are signals without a value, and `errors` signals whose sender says that there is a fault.
    `impossible` are values that are physically impossible. All of these are left out. `outside` are values
    outside the range that their definition states; they are kept. `is_short` says that the frame has fewer
    bytes than its definition, so that signals are missing.
    """

    signals: dict[str, float]
    unavailable: Sequence[str] = ()
    is_short: bool = False
    errors: Sequence[str] = ()
    impossible: Sequence[str] = ()
    outside: Sequence[str] = ()


Outcome: TypeAlias = Decoded | UndecodableFrameError
"""The result of decoding a frame that has a definition."""

Reader: TypeAlias = Callable[[Sequence[bytes]], Sequence[Outcome]]
"""Decodes frames of one id, all of one size, in their order."""
