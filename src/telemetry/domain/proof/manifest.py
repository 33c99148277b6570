"""What was sent, by identity: the list against which the stores are proved."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from telemetry.domain.contract.message import Record
from telemetry.domain.contract.partition import HOUR_MS

Stream = tuple[str, str]
"""A vehicle's id and one of its CAN ids."""


class Sent(NamedTuple):
    """The timestamps of one stream in epoch milliseconds, each once and in order: those sent, and those accepted."""

    sent: npt.NDArray[np.int64]
    accepted: npt.NDArray[np.int64]


class Manifest:
    """The identities that were sent, and those among them that a receiver answered for."""

    def __init__(self) -> None:
        self._sent: defaultdict[Stream, list[int]] = defaultdict(list)
        self._accepted: defaultdict[Stream, list[int]] = defaultdict(list)

    def add_sent(self, records: Iterable[Record]) -> None:
        for record in records:
            self._sent[record.vehicle_id, record.can_id].append(record.timestamp)

    def add_accepted(self, records: Iterable[Record]) -> None:
        for record in records:
            self._accepted[record.vehicle_id, record.can_id].append(record.timestamp)

    def hours(self) -> Sequence[int]:
        """List the hours of what was sent, counted from 1970-01-01T00 UTC."""
        return sorted(
            {timestamp // HOUR_MS for timestamps in self._sent.values() for timestamp in timestamps}
        )

    def streams(self) -> Iterator[tuple[Stream, Sent]]:
        for stream, timestamps in self._sent.items():
            accepted = self._accepted.get(stream, [])
            yield stream, Sent(_each_once(timestamps), _each_once(accepted))


def _each_once(timestamps: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.unique(np.fromiter(timestamps, np.int64))
