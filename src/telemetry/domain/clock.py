"""The port to time: use-cases own no clock, they are given one."""

from typing import Protocol


class Clock(Protocol):
    """The two times that there are."""

    def wall_ms(self) -> int:
        """Return epoch milliseconds: comparable between machines, and may jump."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds since some moment: never goes back, and means nothing elsewhere."""
        ...
