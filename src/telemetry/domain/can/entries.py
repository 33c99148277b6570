"""What files of definitions say of messages and signals, whatever the format is, and before it is checked."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from telemetry.domain.can.bits import Kind, Order

Notes = defaultdict[str, list[str]]
"""What was mended or left out, and with which messages or signals it was done."""


class SignalEntry(NamedTuple):
    """One signal; its place is counted as in DBC files.

    If it is multiplexed, `multiplexer` is the place of another signal in the same message, or None if it is
    not known which. The signal is there when that one has a raw value in `pages`.
    """

    name: str
    start: int
    length: int
    order: Order
    kind: Kind
    scaling: tuple[float, float]
    limits: tuple[float, float] | None = None
    states: Mapping[int, str] = {}
    is_multiplexed: bool = False
    multiplexer: int | None = None
    pages: tuple[range, ...] = ()


class MessageEntry(NamedTuple):
    """One message of `size` bytes; `crc_init` is the initial value of its checksum, if it is protected."""

    name: str
    can_id: int
    is_extended: bool
    size: int
    signals: Sequence[SignalEntry]
    period_ms: int | None = None
    crc_init: int | None = None
    is_j1939: bool = False
