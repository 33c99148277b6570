"""Read compacted objects back from the store, and compare them with what was taken up."""

from collections.abc import Sequence

from telemetry.domain.contract.moment import Hour
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures import summed
from telemetry.domain.figures.columns import Columns
from telemetry.domain.figures.partial import Partial
from telemetry.domain.lake import fingerprint
from telemetry.domain.lake.fingerprint import Sum
from telemetry.domain.lake.manifest import Content, Manifest
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.store.storage import Storage


class NotTheSameError(TelemetryError):
    """Compacted objects do not hold what was taken up; they are not made visible, and nothing is removed."""


async def check(shelf: Shelf, hour: Hour, made: Manifest) -> None:
    """Read the objects of a manifest.

    Raise NotTheSameError if they do not have each identity once, and these records in all. Raise
    DamagedObjectError if an object cannot be read.
    """
    identities, payloads = await _unique(shelf, hour, made.objects)
    for content in made.copies:
        async for columns in shelf.content(content, hour):
            payloads += fingerprint.of_records(columns)
    found = identities.count, str(identities), payloads.count, str(payloads)
    if found != (made.unique, made.identities, made.records, made.payloads):
        raise NotTheSameError(f"{made.starts}: the compacted objects do not hold what was taken up")


async def check_sums(storage: Storage, made: Manifest) -> None:
    """Read back what all records add up to. Raise NotTheSameError if it is not of as many as there are."""
    found = await summed.read(storage, made.sums) if made.sums else None
    partial = found.partial if found else Partial.nothing()
    unique, copies = int(partial.records.sum()), int(partial.duplicates.sum())
    if (unique, unique + copies) != (made.unique, made.records):
        raise NotTheSameError(f"{made.starts}: what all records add up to is not what was taken up")


async def _unique(shelf: Shelf, hour: Hour, contents: Sequence[Content]) -> tuple[Sum, Sum]:
    """Add up records, each of which has to come after the one before."""
    identities, payloads, last = Sum(), Sum(), ("", "", -1)
    for content in contents:
        async for columns in shelf.content(content, hour):
            numbers = columns.identities
            if not (numbers[1:] > numbers[:-1]).all() or not last < _identity(columns, 0):
                raise NotTheSameError(f"{content.key}: an identity is in it twice, or not in order")
            last = _identity(columns, -1)
            identities += fingerprint.of_identities(columns)
            payloads += fingerprint.of_records(columns)
    return identities, payloads


def _identity(columns: Columns, place: int) -> tuple[str, str, int]:
    vehicle_id, can_id = columns.streams[columns.stream[place]]
    return vehicle_id, can_id, int(columns.offset[place])
