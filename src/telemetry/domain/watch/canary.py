"""The canary of one receiver: synthetic records that are sent all the time, and looked for in the store.

They go the road of every record, into a tree of their own, whose one partition is of no hour. So no figures,
no certificate, no proof and no note ever include them.

A record is lost if it was accepted more than a minute ago, is not in the store, and cannot be in the queue
any more, whose oldest message is younger. It counts for an hour, or until it is found after all.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from telemetry.domain.contract.moment import Hour
from telemetry.domain.contract.partition import Partition
from telemetry.domain.contract.record import Record
from telemetry.domain.transport.outlook import CANARY_HOUR
from telemetry.domain.transport.parcel import Parcel

PLACE: Final = Partition("canary", Hour(CANARY_HOUR))
"""The partition of all canary records."""

_LOST_AFTER_MS: Final = 60_000
_COUNTS_FOR_MS: Final = 3_600_000
_SENDING_MS: Final = 1000  # that the queue may say a record was sent after its timestamp
_REMEMBERED: Final = 5000  # records, to know one that comes twice
_LATEST: Final = 60  # records, of which the P95 is


class CanaryReport(msgspec.Struct, frozen=True):
    """The proof line of a canary: what was accepted, is lost, came twice, and the P95 from end to end."""

    accepted: int
    lost: int
    duplicates: int
    p95_s: float | None


class Canary:
    """What was sent by one receiver, whose records bear `name`, and what of it was found."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._made = 0
        self._accepted = 0
        self._duplicates = 0
        self._missing: dict[int, int] = {}  # by number, the timestamp of what was accepted
        self._found: dict[int, None] = {}
        self._latencies_ms: deque[int] = deque(maxlen=_LATEST)

    def make(self, now_ms: int) -> Parcel:
        """Make the next record."""
        self._made += 1
        record = Record(now_ms, self._name, "0x0", {"sequence": float(self._made)}, now_ms)
        return Parcel.of(PLACE, [record])

    def accepted(self, sent_ms: int) -> None:
        """Take note that the record made last, at `sent_ms`, is durable in the queue."""
        self._accepted += 1
        if self._made not in self._found:
            self._missing[self._made] = sent_ms

    def found(self, records: Iterable[Record], stored_ms: int) -> None:
        """Take note of what an object holds that appeared at `stored_ms`; records of others are theirs."""
        for record in records:
            if record.vehicle_id == self._name:
                self._find(round(record.payload["sequence"]), stored_ms - record.timestamp_ms)

    def report(self, now_ms: int, oldest_ms: int | None) -> CanaryReport:
        """Return the proof line; the oldest message that the queue still holds was sent at `oldest_ms`."""
        for number, sent_ms in list(self._missing.items()):
            if now_ms - sent_ms > _COUNTS_FOR_MS:
                del self._missing[number]
        lost = sum(_is_lost(sent_ms, now_ms, oldest_ms) for sent_ms in self._missing.values())
        return CanaryReport(self._accepted, lost, self._duplicates, _p95_s(self._latencies_ms))

    def _find(self, number: int, latency_ms: int) -> None:
        if number in self._found:
            self._duplicates += 1
            return
        self._found[number] = None
        if len(self._found) > _REMEMBERED:
            del self._found[next(iter(self._found))]
        self._missing.pop(number, None)
        self._latencies_ms.append(latency_ms)


def _is_lost(sent_ms: int, now_ms: int, oldest_ms: int | None) -> bool:
    may_be_queued = oldest_ms is not None and oldest_ms <= sent_ms + _SENDING_MS
    return now_ms - sent_ms > _LOST_AFTER_MS and not may_be_queued


def _p95_s(latencies_ms: Sequence[int]) -> float | None:
    return float(np.percentile(latencies_ms, 95)) / 1000 if latencies_ms else None
