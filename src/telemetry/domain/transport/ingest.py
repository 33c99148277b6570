"""Use-case: take what a vehicle sent, and answer only once it cannot be lost any more."""

from collections.abc import Callable, Iterator, Sequence

from telemetry.domain.contract.partition import Partition, PartitionPolicy
from telemetry.domain.contract.record import Answer, Parsed, Record
from telemetry.domain.errors import TelemetryError
from telemetry.domain.transport.parcel import Parcel
from telemetry.domain.transport.queue import Outbox
from telemetry.domain.transport.tracing import NoTracing, Tracing

Permits = Callable[[str], bool]
"""Whether the sender may send for a vehicle, given its id; a sender who may send for all has none."""


class NotPermittedError(TelemetryError):
    """The sender may not send for a vehicle in the body; none of its records was taken."""


class Ingest:
    """Pack records into parcels by partition, and wait until the outbox has made them durable."""

    def __init__(self, outbox: Outbox, policy: PartitionPolicy, tracing: Tracing | None = None) -> None:
        self._outbox = outbox
        self._policy = policy
        self._tracing = tracing or NoTracing()

    async def accept(self, parsed: Parsed, permits: Permits | None = None) -> Answer:
        """Make the valid records durable.

        Raise NotPermittedError, and QueueUnavailableError, after which all of them are to be sent again.
        """
        if permits:
            _check_permits(parsed.records, permits)
        if parsed.records:
            with self._tracing.post(len(parsed.records)) as trace:
                await self._outbox.send(list(self._parcels(parsed.records, (trace,) if trace else ())))
        return Answer(len(parsed.records), parsed.rejected)

    def _parcels(self, records: Sequence[Record], traces: Sequence[str]) -> Iterator[Parcel]:
        for partition, members in self._policy.group(records).items():
            yield from self._fitting(partition, members, traces)

    def _fitting(
        self, partition: Partition, records: Sequence[Record], traces: Sequence[str]
    ) -> Iterator[Parcel]:
        """Make a parcel, or several where one would be too large for the outbox."""
        parcel = Parcel.of(partition, records, traces)
        if parcel.size <= self._outbox.max_parcel_size or len(records) == 1:
            yield parcel
            return
        half = len(records) // 2
        yield from self._fitting(partition, records[:half], traces)
        yield from self._fitting(partition, records[half:], traces)


def _check_permits(records: Sequence[Record], permits: Permits) -> None:
    for vehicle_id in {record.vehicle_id for record in records}:
        if not permits(vehicle_id):
            raise NotPermittedError(f"This key may not send for vehicle {vehicle_id}.")
