"""The port to the queue (at least once, by leases), and the port to the outbox that many callers share."""

from collections.abc import Sequence
from typing import Protocol

from telemetry.domain.errors import OutOfReachError
from telemetry.domain.transport.lease import Delivery, Depth
from telemetry.domain.transport.outlook import Outlook
from telemetry.domain.transport.parcel import Parcel


class QueueUnavailableError(OutOfReachError):
    """The queue cannot be reached, refused, or is full; its text says which, and what to change."""


class QueueDamagedError(QueueUnavailableError):
    """The queue holds what cannot be read, or is not the one that was opened; somebody has to act."""


class Lookout(Protocol):
    """Says what a queue still holds."""

    async def outlook(self) -> Outlook:
        """Say of which hours the queue holds messages, whatever they wait for, dead letters included.

        What was sent before the call and is in no hour and not unplaced, is not in the queue any more.
        Raise QueueUnavailableError if the queue could not be asked.
        """
        ...


class Queue(Lookout, Protocol):
    """A queue that keeps the promises of `transport.lease` across processes and their deaths.

    No jump of this machine's wall clock changes what any verb does, whenever it happens. Damage costs what is
    damaged: once it is known, send raises QueueDamagedError, and messages that can be read are received.

    Every verb raises QueueUnavailableError if the queue as a whole could not be asked. An entry that failed
    by itself is a value: verbs on several entries return those that failed, and the others are done.
    """

    @property
    def max_body(self) -> int:
        """Bytes that one body may have."""
        ...

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        """Make bodies durable: all but the returned failures (indices) survive any crash from now on."""
        ...

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        """Lease up to `limit` messages as soon as there is one; return none after `wait_s` seconds without.

        A receive that is cancelled leases nothing.
        """
        ...

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        """Remove messages for good.

        Return the lease handles that were refused, whose messages will come again.
        """
        ...

    async def extend(self, handles: Sequence[str], duration_s: float) -> Sequence[str]:
        """End leases `duration_s` seconds from now, at once if 0.

        Return the lease handles that were refused.
        """
        ...

    async def acquit(self, handles: Sequence[str]) -> Sequence[str]:
        """Say that something else is at fault, so that no lease of these messages so far counts any more.

        Return the lease handles that were refused: where a service counts leases by itself, all of them.
        """
        ...

    async def depth(self) -> Depth:
        """Count what the queue holds. What will not be leased again is dead, and nothing else is."""
        ...

    async def oldest_ms(self) -> int | None:
        """Return when the oldest message was sent that is not dead; None if there is none.

        A service that does not say it has None always.
        """
        ...

    async def dead(self, limit: int) -> Sequence[Delivery]:
        """Return up to `limit` dead letters, the oldest first."""
        ...

    async def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        """Send dead letters anew; return the handles that belong to none."""
        ...

    async def close(self) -> None:
        """Close files and connections; closing twice does no harm."""
        ...


class Outbox(Protocol):
    """Takes the parcels of many callers and lets them share queue messages."""

    @property
    def max_parcel_size(self) -> int:
        """Bytes that one parcel may have."""
        ...

    @property
    def waiting(self) -> int:
        """Bytes of parcels that wait to be sent."""
        ...

    async def send(self, parcels: Sequence[Parcel]) -> None:
        """Return once the queue holds every line of these parcels durably.

        Raise QueueUnavailableError if it does not; some of the lines may be held all the same.
        """
        ...

    async def close(self) -> None:
        """Fail what still waits, with QueueUnavailableError, and take nothing more; the queue stays open."""
        ...
