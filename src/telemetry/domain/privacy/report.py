"""What was found of a vehicle and erased, said without a byte of it: by digests."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec

from telemetry.domain.contract.moment import Hour, format_hour, format_timestamp
from telemetry.domain.privacy.holdings import Rewritten


class Change(msgspec.Struct, frozen=True):
    """An object that was replaced, and the one with the rest of it; nothing if there was no rest."""

    before: str
    after: str


class Report(msgspec.Struct, frozen=True):
    """What was found and erased.

    `vehicle` is a digest of the id, and `digest` one of the `records`: of the lines that were erased, each as
    often as it was found, in no order. `messages` of the queue were changed or removed. Of these, `leased`
    are held by somebody who may still store them. `hours` have new figures.
    """

    vehicle: str
    ended: str
    records: int
    digest: str
    messages: int
    leased: int
    changes: Sequence[Change]
    hours: Sequence[str]


class Found:
    """What was found so far."""

    def __init__(self) -> None:
        self.hours: set[int] = set()
        self._records = 0
        self._sum = 0
        self._changes: list[Change] = []

    def add(self, lines: Iterable[bytes]) -> None:
        """Count lines of the vehicle."""
        for line in lines:
            self._records += 1
            self._sum += int.from_bytes(blake2b(line, digest_size=16).digest())

    def replaced(self, before: str, after: str) -> None:
        self._changes.append(Change(before, after))

    def report(self, name: str, now_ms: int, rewritten: Rewritten) -> Report:
        return Report(
            vehicle=name,
            ended=format_timestamp(now_ms),
            records=self._records,
            digest=f"{self._sum % 2**128:032x}",
            messages=rewritten.messages,
            leased=rewritten.leased,
            changes=self._changes,
            hours=[format_hour(Hour(hour)) for hour in sorted(self.hours)],
        )


def digest(data: bytes) -> str:
    """Name bytes by 32 hex digits."""
    return blake2b(data, digest_size=16).hexdigest()
