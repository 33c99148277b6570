"""What was sent, by identity: the list against which the stores are proved."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from telemetry.domain.contract.moment import Hour, Milliseconds, hour_of
from telemetry.domain.contract.record import Record

Stream = tuple[str, str]
"""A vehicle's id and one of its CAN ids. With a timestamp it is the identity of a record."""


class StreamTimestamps(NamedTuple):
    """The timestamps of one stream, each once and in order: those sent, and those accepted."""

    sent: Milliseconds
    accepted: Milliseconds


class Manifest:
    """The identities that were sent, and those among them that a receiver accepted."""

    def __init__(self) -> None:
        # Arrays, because a run may have millions of records.
        self._sent: defaultdict[Stream, array[int]] = defaultdict(_empty)
        self._accepted: defaultdict[Stream, array[int]] = defaultdict(_empty)

    def add_sent(self, records: Iterable[Record]) -> None:
        for record in records:
            self._sent[record.vehicle_id, record.can_id].append(record.timestamp_ms)

    def add_accepted(self, records: Iterable[Record]) -> None:
        for record in records:
            self._accepted[record.vehicle_id, record.can_id].append(record.timestamp_ms)

    def hours(self) -> Sequence[Hour]:
        """List the hours of what was sent."""
        return sorted({hour_of(ms) for timestamps in self._sent.values() for ms in timestamps})

    def count(self) -> tuple[int, int]:
        """Count the identities that were sent, and those that were accepted."""
        streams = [timestamps for _, timestamps in self.streams()]
        return sum(each.sent.size for each in streams), sum(each.accepted.size for each in streams)

    def streams(self) -> Iterator[tuple[Stream, StreamTimestamps]]:
        for stream, timestamps in self._sent.items():
            accepted = self._accepted.get(stream, _empty())
            yield stream, StreamTimestamps(_each_once(timestamps), _each_once(accepted))


class Count(Manifest):
    """Counts records and remembers none, for a sender none of whose records is a copy of another."""

    def __init__(self) -> None:
        super().__init__()
        self._sent_count = self._accepted_count = 0

    def add_sent(self, records: Iterable[Record]) -> None:
        self._sent_count += sum(1 for _ in records)

    def add_accepted(self, records: Iterable[Record]) -> None:
        self._accepted_count += sum(1 for _ in records)

    def count(self) -> tuple[int, int]:
        return self._sent_count, self._accepted_count


def _empty() -> "array[int]":
    return array("q")


def _each_once(timestamps: "array[int]") -> Milliseconds:
    return np.unique(np.array(timestamps, np.int64))
