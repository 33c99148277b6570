"""CAN frames."""

from typing import NamedTuple

from telemetry.domain.errors import UsageError


class UnreadableError(UsageError):
    """A file of frames or of definitions cannot be used; its text names the file and what to change."""


class Frame(NamedTuple):
    """A data frame of a bus; `timestamp_s` counts seconds from the start that its log counts from.

    `bus` is the name of the bus in the log, if it has one.
    """

    timestamp_s: float
    can_id: int
    data: bytes
    is_extended: bool = False
    bus: str = ""
