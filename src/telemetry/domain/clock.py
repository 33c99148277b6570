"""The port to time: use-cases own no clock, they are handed one."""

from typing import Protocol


class Clock(Protocol):
    """The two times there are."""

    def wall(self) -> int:
        """Tell epoch milliseconds: comparable between machines, and may jump."""
        ...

    def monotonic(self) -> float:
        """Tell seconds since some moment: never goes back, and means nothing elsewhere."""
        ...
