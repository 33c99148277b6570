"""What the receiver answers about itself, and the port to what finds it out."""

from typing import Literal, Protocol

import msgspec

from telemetry.domain.transport.lease import Depth


class Health(msgspec.Struct, frozen=True):
    """The answer of a process that lives."""

    status: Literal["ok"]


class Readiness(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many messages wait in the queue, are on lease, and are dead.

    `consumer` says whether one was seen within a minute. Only the embedded queue knows it.
    """

    waiting: int
    leased: int
    dead: int
    consumer: Literal["seen", "not seen"] | None = None


class LastSend(msgspec.Struct):
    """When the last send to the queue failed, on the monotonic clock; None if it did not."""

    failed_s: float | None = None


class Probe(Protocol):
    """Finds out whether records can be taken."""

    async def readiness(self, *, in_detail: bool) -> Readiness | None:
        """Return how much waits, if that is asked for.

        Raise QueueUnavailableError if records cannot be taken.
        """
        ...

    async def waiting(self) -> tuple[Depth | None, float | None]:
        """Return what the queue holds, and the age of the oldest message in seconds, as a few seconds ago.

        The first is None if it cannot be asked, the second if there is none or it does not say it.
        """
        ...
