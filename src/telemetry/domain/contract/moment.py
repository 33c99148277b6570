"""How a moment is spelled: RFC 3339, in UTC with milliseconds where the choice is ours; inside, as epoch milliseconds."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final

import msgspec
import numpy as np
import numpy.typing as npt

Milliseconds = npt.NDArray[np.int64]
"""Many moments, in epoch milliseconds."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_TO_THE_SECOND: Final = len("2025-10-19T12:34:56")
_ENDINGS: Final = tuple(f".{rest:03d}Z" for rest in range(1000))
_RESTS: Final = {ending: rest for rest, ending in enumerate(_ENDINGS)}
_decode: Final = msgspec.json.Decoder(Annotated[datetime, msgspec.Meta(tz=True)]).decode


def instant(ms: int) -> str:
    """Spell epoch milliseconds as RFC 3339 in UTC: `2025-10-19T12:34:56.123Z`.

    Raises OverflowError outside the years 1 to 9999.
    """
    return _spelled(ms // 1000) + _ENDINGS[ms % 1000]


def read(text: str) -> int:
    """Read epoch milliseconds from RFC 3339 with an offset; what is finer is cut off.

    Raises ValueError if it is none, OverflowError if it lies outside the years 1 to 9999 in UTC.
    """
    try:
        # Records come in the order of time, so that many share their second: what is left to look at is its thousandth.
        return _read_second(text[:_TO_THE_SECOND]) + _RESTS[text[_TO_THE_SECOND:]]
    except KeyError:
        ms = _read_any(text)
        _spelled(ms // 1000)
        return ms


def epoch_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970-01-01 UTC, exactly; what is finer is cut off."""
    return (moment - _EPOCH) // _MILLISECOND


@lru_cache(maxsize=4096)
def _spelled(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:_TO_THE_SECOND]


@lru_cache(maxsize=4096)
def _read_second(text: str) -> int:
    return _read_any(f"{text}Z")


def _read_any(text: str) -> int:
    try:
        return epoch_ms(_decode(msgspec.json.encode(text)))
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
