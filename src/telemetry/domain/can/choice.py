"""Which frames of a log are wanted: those of some buses, and those that the logger sent itself, or not."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from telemetry.domain.can.columns import Flags, Frames


class Choice(NamedTuple):
    """Which frames are replayed: those of some buses, or of all if none is named, sent ones or not."""

    buses: Collection[str] = ()
    with_sent: bool = True
    names_buses: bool = False
    """Whether the name of each signal begins with that of its bus."""

    def has(self, bus: str) -> bool:
        """Return whether the frames of a bus are wanted."""
        return not self.buses or bus in self.buses

    def wanted(self, frames: Frames) -> Flags:
        """Return which frames (n,) are wanted."""
        wanted = np.array([self.has(name) for name in frames.names], np.bool_)[frames.buses]
        return wanted if self.with_sent else wanted & ~frames.is_sent

    def prefix(self, bus: str) -> str:
        """Return what the names of the signals of a bus begin with: `can0_`, `bus_1_` for `1`, or nothing."""
        if not self.names_buses:
            return ""
        name = re.sub(r"[^a-z0-9]+", "_", bus.lower()).strip("_")
        return f"{name}_" if name[:1].isalpha() else f"bus_{name}_"


def by_bus(frames: Frames) -> Mapping[str, int]:
    """Count frames by bus."""
    counts = np.bincount(frames.buses, minlength=len(frames.names)).tolist()
    return {name: count for name, count in zip(frames.names, counts, strict=True) if count}
