"""Use-case: take what a vehicle sent, and answer only once it cannot be lost any more."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from telemetry.domain.contract.message import Parsed, Record, Rejection
from telemetry.domain.contract.partition import Partition, Policy
from telemetry.domain.transport import envelope
from telemetry.domain.transport.envelope import Parcel
from telemetry.domain.transport.queue import Outbox

Permits = Callable[[str], bool]
"""Whether the sender may speak for a vehicle, given its id; one that may speak for all is not asked."""


class NotPermittedError(Exception):
    """The sender may not speak for a vehicle in the body; none of its records was taken."""


class Receipt(msgspec.Struct, frozen=True):
    """How many records are durable, and why each of the others was not taken."""

    accepted: int
    rejected: Sequence[Rejection]


class Ingest:
    """Sort records into parcels by partition, and wait until the outbox has made them durable."""

    def __init__(self, outbox: Outbox, policy: Policy) -> None:
        self._outbox = outbox
        self._policy = policy

    async def __call__(self, parsed: Parsed, permits: Permits | None = None) -> Receipt:
        """Make the valid records durable.

        Raises NotPermittedError, and QueueUnavailableError, after which all of them are to be sent again.
        """
        if permits:
            _check_permits(parsed.records, permits)
        if parsed.records:
            await self._outbox.post(list(self._parcels(parsed.records)))
        return Receipt(len(parsed.records), parsed.rejected)

    def _parcels(self, records: Sequence[Record]) -> Iterator[Parcel]:
        for partition, members in self._policy.sort(records).items():
            yield from self._wrap(partition, members)

    def _wrap(self, partition: Partition, records: Sequence[Record]) -> Iterator[Parcel]:
        parcel = envelope.wrap(partition, records)
        if parcel.size <= self._outbox.room or len(records) == 1:
            yield parcel
            return
        half = len(records) // 2
        yield from self._wrap(partition, records[:half])
        yield from self._wrap(partition, records[half:])


def _check_permits(records: Sequence[Record], permits: Permits) -> None:
    for vehicle_id in {record.vehicle_id for record in records}:
        if not permits(vehicle_id):
            raise NotPermittedError(f"This key may not send for vehicle {vehicle_id}.")
