"""The port to time: use-cases own no clock, they are given one."""

from typing import Protocol


class Clock(Protocol):
    """The two times that there are."""

    def wall_ms(self) -> int:
        """Return epoch milliseconds: comparable between machines, and may jump."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds since some moment: never goes back.

        All processes of a machine share that moment until it is started anew; elsewhere it means nothing.
        """
        ...


def lease_ms(clock: Clock) -> int:
    """Return the milliseconds by which leases are measured: those of the clock that never goes back."""
    return round(clock.monotonic_s() * 1000)
