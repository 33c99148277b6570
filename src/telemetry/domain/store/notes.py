"""Notes of hours that changed late, so that an aggregator finds them without listing the whole store.

An aggregator lists the hours around now at every look (`watched`). What a consumer stores in any other hour
(`is_far`) it notes: a small object whose key names the hours. A note is put after the objects are durable
and before their messages leave the queue. So a consumer that dies in between leaves no note, and its
messages come again, with theirs. A note is deleted only after the figures of its hours, built from a listing
that was made after the note was seen, are durable. Each flush has a note of its own, so that no new one is
deleted with an old one.

The two bounds differ by an hour into the past and by half an hour into the future. That much may the clocks
of a consumer and an aggregator differ. A clock that is wrong by more sees far hours everywhere, and notes
them.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from telemetry.domain.contract import partition
from telemetry.domain.contract.moment import HOUR_MS, Hour, epoch_ms, format_hour, hour_of
from telemetry.domain.store import objects

NOTES: Final = "notes/"
"""The tree of the notes."""

_NEAR_PAST_MS: Final = HOUR_MS  # that an hour may be over before it is noted
_NEAR_FUTURE_MS: Final = HOUR_MS // 2
_WATCHED_PAST_MS: Final = 2 * HOUR_MS
_WATCHED_FUTURE_MS: Final = HOUR_MS
_HOURS_A_NOTE: Final = 12  # a name of a file has at most 255 bytes

_STAMP: Final = "%Y%m%dT%HZ"
_KEY: Final = re.compile(rf"{NOTES}note-\d+-[0-9a-f]+-(\d{{8}}T\d\dZ(?:\.\d{{8}}T\d\dZ)*)\.txt", re.ASCII)


def is_far(hour: Hour, now_ms: int) -> bool:
    """Return whether what is stored in an hour now has to be noted."""
    return not hour_of(now_ms - _NEAR_PAST_MS) <= hour <= hour_of(now_ms + _NEAR_FUTURE_MS)


def watched(last_ms: int, now_ms: int) -> range:
    """Return the hours that an aggregator lists in any case, if it looked at `last_ms` and looks now."""
    return range(hour_of(last_ms - _WATCHED_PAST_MS), hour_of(now_ms + _WATCHED_FUTURE_MS) + 1)


def of(keys: Iterable[str], now_ms: int) -> Iterator[tuple[str, bytes]]:
    """Yield the notes of objects that are durable, each as its key and its content: the keys noted."""
    by_hour: dict[Hour, list[str]] = {}
    for key in sorted(keys):
        if key.startswith(objects.RECORDS) and is_far(hour := partition.parse_path(key).hour, now_ms):
            by_hour.setdefault(hour, []).append(key)
    hours = sorted(by_hour)
    for start in range(0, len(hours), _HOURS_A_NOTE):
        named = hours[start : start + _HOURS_A_NOTE]
        content = "".join(f"{key}\n" for hour in named for key in by_hour[hour]).encode()
        yield note_key(named, content, now_ms), content


def note_key(hours: Collection[Hour], content: bytes, now_ms: int) -> str:
    """Name a note after its moment, its content and its hours."""
    named = ".".join(f"{format_hour(hour).replace('-', '')}Z" for hour in hours)
    return f"{NOTES}note-{now_ms}-{objects.digest(content)}-{named}.txt"


def hours_of(key: str) -> Sequence[Hour]:
    """Read the hours that a note names from its key. Raise ValueError if it is none."""
    match = _KEY.fullmatch(key)
    if not match:
        raise ValueError(f"{key[:120]!r} is not the key of a note")
    moments = (datetime.strptime(each, _STAMP).replace(tzinfo=UTC) for each in match[1].split("."))
    return [hour_of(epoch_ms(moment)) for moment in moments]
