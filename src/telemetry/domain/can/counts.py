"""How many frames of a log had which outcome."""

from collections import Counter

import msgspec

from telemetry.domain.can.part import Mark


class ReplayCounts(msgspec.Struct):
    """How many frames had which outcome; each counter is by CAN id, some with a signal or a reason beside it.

    `furthest` is the most milliseconds by which a frame was nudged. `buses` counts frames by bus, of which
    `other_bus` and `sent` were left out on demand.
    """

    frames: int = 0
    undefined: Counter[str] = msgspec.field(default_factory=Counter)
    undecodable: Counter[str] = msgspec.field(default_factory=Counter)
    blank: Counter[str] = msgspec.field(default_factory=Counter)
    """Frames that were decoded and have no available signal."""
    short: Counter[str] = msgspec.field(default_factory=Counter)
    """Frames that are shorter than their definition; the signals that they hold were decoded."""
    pageless: Counter[str] = msgspec.field(default_factory=Counter)
    """Frames of a page for which nothing is defined; their plain signals were decoded."""
    unavailable: Counter[str] = msgspec.field(default_factory=Counter)
    errors: Counter[str] = msgspec.field(default_factory=Counter)
    """Values in whose place the sender says that there is a fault; they are left out."""
    impossible: Counter[str] = msgspec.field(default_factory=Counter)
    """Values that are physically impossible; they are left out."""
    outside: Counter[str] = msgspec.field(default_factory=Counter)
    """Values outside the range that their definition states; they are kept."""
    packets: Counter[str] = msgspec.field(default_factory=Counter)
    """Frames that are a part of a message of several, but for the last one of each."""
    incomplete: Counter[str] = msgspec.field(default_factory=Counter)
    """Messages of several frames of which some were missing."""
    nudged: Counter[str] = msgspec.field(default_factory=Counter)
    furthest: int = 0
    buses: Counter[str] = msgspec.field(default_factory=Counter)
    other_bus: Counter[str] = msgspec.field(default_factory=Counter)
    sent: Counter[str] = msgspec.field(default_factory=Counter)

    def of(self, mark: Mark) -> Counter[str]:
        """Return the counter of values with a mark."""
        counters = {
            Mark.OUTSIDE: self.outside,
            Mark.UNAVAILABLE: self.unavailable,
            Mark.ERROR: self.errors,
            Mark.IMPOSSIBLE: self.impossible,
        }
        return counters[mark]

    @property
    def decoded(self) -> int:
        left = self.undefined.total() + self.undecodable.total() + self.packets.total()
        return self.frames - left

    @property
    def records(self) -> int:
        return self.decoded - self.blank.total()
