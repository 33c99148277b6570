"""From the lines of an object to columns: all at once where each is a record of the hour, else line by line.

There are three ways. The first guesses from the first line which signals all records have (`guess`). The
second takes any signals. Both take all lines at once, and refuse an object without saying where the fault is.
The third takes one line at a time, and names those that are no record of the hour.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from telemetry.domain.contract import codec
from telemetry.domain.contract.blame import FAULTS
from telemetry.domain.contract.moment import (
    HOUR_MS,
    Hour,
    Milliseconds,
    parse_timestamp,
    parse_timestamps,
    start_ms,
)
from telemetry.domain.contract.record import Record
from telemetry.domain.figures import columns, guess
from telemetry.domain.figures.columns import Columns
from telemetry.domain.store.objects import LineFaults, decode_records

_NEWLINE, _OPENING, _CLOSING = b"\n{}"
_FORM: Final = len("2025-10-19T12:34:56.123Z")


def read(content: bytes, hour: Hour, faults: LineFaults) -> Columns:
    """Return the records of an object, in any order.

    Add what is no record of this hour to `faults`, by its line.
    """
    if count := _count_records(content):
        for way in (guess.read, _read_any):
            try:
                return way(content, count, hour)
            except FAULTS:
                continue
    return _of_records(list(_records(content.splitlines(), hour, faults)), hour)


def _count_records(content: bytes) -> int:
    """Return how many lines an object has if each begins and ends as a record does, else 0.

    Within a record no opening brace follows a closing one. So a record that was begun on one of these lines
    ends on it, and as many records as lines are one a line.
    """
    if b"\r" in content:  # ends a line too
        return 0
    letters = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(letters == _NEWLINE)
    if not ends.size or ends[-1] != letters.size - 1:
        return 0
    firsts = np.append(0, ends[:-1] + 1)
    is_whole = (letters[firsts] == _OPENING) & (letters[ends - 1] == _CLOSING)
    return ends.size if is_whole.all() else 0


def _read_any(content: bytes, count: int, hour: Hour) -> Columns:
    """Read lines of any signals. Raise one of `FAULTS` if a line is no record of this hour."""
    stored = codec.decode_stored(content)
    if len(stored) != count:
        raise ValueError("a line has more than one record")
    return columns.of_fields(
        [(each.vehicle_id, each.can_id) for each in stored],
        columns.offsets_of(_moments([each.timestamp for each in stored]), hour),
        _moments([each.ingest_received_at for each in stored]),
        [each.payload for each in stored],
    )


def _moments(texts: Sequence[str]) -> Milliseconds:
    letters = "".join(texts).encode()
    if all(len(text) == _FORM for text in texts) and len(letters) == _FORM * len(texts):
        try:
            return parse_timestamps(np.frombuffer(letters, np.uint8).reshape(-1, _FORM))
        except ValueError:
            pass
    return np.array([parse_timestamp(text) for text in texts], np.int64)


def _records(lines: Sequence[bytes], hour: Hour, faults: LineFaults) -> Iterator[Record]:
    for number, record in decode_records(lines, faults):
        if record.timestamp_ms // HOUR_MS == hour:
            yield record
        else:
            faults.add(number, "it belongs to another hour")


def _of_records(records: Sequence[Record], hour: Hour) -> Columns:
    return columns.of_fields(
        [(each.vehicle_id, each.can_id) for each in records],
        np.array([each.timestamp_ms - start_ms(hour) for each in records], np.int32),
        np.array([each.received_ms for each in records], np.int64),
        [each.payload for each in records],
    )
