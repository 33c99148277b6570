"""Time: epoch milliseconds inside, RFC 3339 in UTC with milliseconds outside, and hours as folders.

The name of a number says its unit: `..._ms` is milliseconds, `..._s` is seconds. A moment in `..._ms` counts
from 1970-01-01T00 UTC.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final, NewType

import msgspec
import numpy as np
import numpy.typing as npt

Hour = NewType("Hour", int)
"""An hour of UTC, counted from 1970-01-01T00."""

Milliseconds = npt.NDArray[np.int64]
"""Many moments, in epoch milliseconds."""

HOUR_MS: Final = 3_600_000


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_TO_THE_SECOND: Final = len("2025-10-19T12:34:56")
_ENDINGS: Final = tuple(f".{ms:03d}Z" for ms in range(1000))
_MS_OF_ENDING: Final = {ending: ms for ms, ending in enumerate(_ENDINGS)}
_FINER: Final = re.compile(r"(.{19}\.[0-9]{3})[0-9]+")
_LEAP_SECOND: Final = re.compile(r".{17}60")
_TO_THE_HOUR: Final = len("2025-10-19T12:")
_FORM: Final = np.frombuffer(b"0000-00-00T00:00:00.000Z", np.uint8)
_IS_DIGIT: Final = np.frombuffer(b"0", np.uint8) == _FORM
_HIGHEST_DIGIT: Final = np.where(_IS_DIGIT, 9, 0).astype(np.uint8)
_HIGHEST_DIGIT[[14, 17]] = 5  # of minutes and of seconds
_WEIGHT_MS: Final = np.zeros(_FORM.size, np.float32)
_WEIGHT_MS[[14, 15, 17, 18, 20, 21, 22]] = 600_000, 60_000, 10_000, 1000, 100, 10, 1
_decode: Final = msgspec.json.Decoder(Annotated[datetime, msgspec.Meta(tz=True)]).decode


class Span(msgspec.Struct, frozen=True):
    """Hours, with both ends; without an end it is open."""

    first: Hour | None = None
    last: Hour | None = None

    def __contains__(self, hour: Hour) -> bool:
        return (self.first is None or self.first <= hour) and (self.last is None or hour <= self.last)


def format_timestamp(ms: int) -> str:
    """Write epoch milliseconds as RFC 3339 in UTC: `2025-10-19T12:34:56.123Z`.

    Raise OverflowError outside the years 1 to 9999.
    """
    return _format_second(ms // 1000) + _ENDINGS[ms % 1000]


def parse_timestamp(text: str) -> int:
    """Read RFC 3339 with an offset as epoch milliseconds; what is finer is cut off, never rounded.

    A fraction may have any number of digits. A leap second is refused, because an hour has 3,600 seconds.
    Raise ValueError if it is none, OverflowError if it lies outside the years 1 to 9999 in UTC.
    """
    try:
        # Records come in the order of time, so that many share their second, which is remembered.
        return _parse_second(text[:_TO_THE_SECOND]) + _MS_OF_ENDING[text[_TO_THE_SECOND:]]
    except KeyError:
        ms = _parse_any(text)
        _format_second(ms // 1000)
        return ms


def parse_timestamps(letters: npt.NDArray[np.uint8]) -> Milliseconds:
    """Read many timestamps as epoch milliseconds: a row of letters each, as `format_timestamp` writes them.

    Raise ValueError if one has another form, OverflowError as `parse_timestamp` does.
    """
    digits = letters - _FORM
    if not (digits <= _HIGHEST_DIGIT).all():
        raise ValueError("a timestamp is not written as 2025-10-19T12:34:56.123Z")
    in_hour: Milliseconds = (digits.astype(np.float32) @ _WEIGHT_MS).astype(np.int64)  # exact below 2 ** 24
    hours = np.ascontiguousarray(letters[:, :_TO_THE_HOUR]).view(f"S{_TO_THE_HOUR}")[:, 0]
    if (hours == hours[0]).all():
        return in_hour + np.int64(_start_ms(hours[0]))
    different, place = np.unique(hours, return_inverse=True)
    starts = np.array([_start_ms(each) for each in different], np.int64)
    return in_hour + starts[place]


def epoch_ms(moment: datetime) -> int:
    """Return whole milliseconds since 1970-01-01 UTC, exactly; what is finer is cut off."""
    return (moment - _EPOCH) // _MILLISECOND


def hour_of(ms: int) -> Hour:
    """Return the hour that a moment lies in."""
    return Hour(ms // HOUR_MS)


def start_ms(hour: Hour) -> int:
    """Return the first moment of an hour."""
    return hour * HOUR_MS


def format_hour(hour: Hour) -> str:
    """Write an hour as messages and options have it: `2025-10-19T14`."""
    return format_timestamp(start_ms(hour))[: len("2025-10-19T14")]


@lru_cache(maxsize=4096)
def hour_path(hour: Hour) -> str:
    """Write an hour as the levels of a folder: `year=2025/month=10/day=19/hour=14`."""
    start = datetime.fromtimestamp(hour * 3600, UTC)
    return f"year={start.year:04d}/month={start.month:02d}/day={start.day:02d}/hour={start.hour:02d}"


def _start_ms(hour: bytes) -> int:
    return parse_timestamp(f"{hour.decode()}00:00.000Z")


@lru_cache(maxsize=4096)
def _format_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:_TO_THE_SECOND]


@lru_cache(maxsize=4096)
def _parse_second(text: str) -> int:
    return _parse_any(f"{text}Z")


def _parse_any(text: str) -> int:
    if finer := _FINER.match(text):  # msgspec rounds what is finer than a microsecond
        text = finer[1] + text[finer.end() :]
    try:
        return epoch_ms(_decode(msgspec.json.encode(text)))
    except msgspec.DecodeError as error:
        if _LEAP_SECOND.match(text):
            raise ValueError("a leap second is not taken: send second 59 instead of 60") from error
        raise ValueError(str(error)) from error
