"""The port to the queue: at least once, in leases."""

from collections.abc import Sequence
from typing import Protocol

from telemetry.domain.transport.envelope import Parcel
from telemetry.domain.transport.lease import Delivery, Depth


class QueueUnavailableError(Exception):
    """The queue cannot be reached, refused, or is full; its text says which, and what to change."""


class Queue(Protocol):
    """A queue whose promises are those of `telemetry.domain.transport.lease`, kept across processes and their deaths.

    Every verb raises QueueUnavailableError if the queue as a whole could not be asked. An entry that failed by itself
    is a value: verbs on several entries return those that failed, and the others are done.
    """

    @property
    def max_body(self) -> int:
        """Bytes that one body may have."""
        ...

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        """Make bodies durable: those that are not in the returned failures (indices) survive any crash from now on."""
        ...

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Lease up to `limit` messages as soon as there is one; return none after `wait` seconds without.

        A receive that is cancelled leases nothing.
        """
        ...

    async def delete(self, receipts: Sequence[str]) -> Sequence[str]:
        """Remove messages for good; return the receipts that were refused, whose messages will come again."""
        ...

    async def extend(self, receipts: Sequence[str], seconds: float) -> Sequence[str]:
        """Let leases end `seconds` from now, at once if 0; return the receipts that were refused."""
        ...

    async def depth(self) -> Depth:
        """Count what the queue holds."""
        ...

    async def dead(self, limit: int) -> Sequence[Delivery]:
        """Show dead letters, the oldest first."""
        ...

    async def redrive(self, receipts: Sequence[str]) -> Sequence[str]:
        """Send dead letters anew; return the receipts that are of none."""
        ...

    async def close(self) -> None:
        """Let go of what the adapter holds open."""
        ...


class Outbox(Protocol):
    """Where ingest hands over parcels, and many callers share queue messages."""

    @property
    def room(self) -> int:
        """Bytes that one parcel may have."""
        ...

    async def post(self, parcels: Sequence[Parcel]) -> None:
        """Return once the queue holds every line of these parcels durably.

        Raises QueueUnavailableError if that did not come about; some of the lines may be held all the same.
        """
        ...
