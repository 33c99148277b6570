"""Dates as loggers write them, in the languages of the machines on which they ran."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

_MONTHS: Final[Sequence[str]] = (
    "jan jän gen ene janv",
    "feb fév fév. fev févr",
    "mar mär mrz mars maerz mrt",
    "apr avr abr avri",
    "may mai mag mei",
    "jun giu juin juni",
    "jul lug juil juli",
    "aug ago aoû aou août",
    "sep set sept",
    "oct okt ott out",
    "nov",
    "dec dez dic déc dech",
)
_NUMBERS: Final[Mapping[str, int]] = {
    name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()
}
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})(?:[.:](\d{1,6}))?")
_NOON: Final = 12


def read(text: str) -> datetime | None:
    """Read a date like `Sam Sep 30 03:06:13.191 pm 2017`; return None if it is none that is known."""
    time = _TIME.search(text)
    if not time:
        return None
    words = re.findall(r"[^\W\d_]+|\d+", text[: time.start()] + " " + text[time.end() :])
    numbers = [int(word) for word in words if word.isdecimal()]
    months = [number for word in words[1:] if (number := _month(word))] or [
        number for word in words[:1] if (number := _month(word))
    ]
    years = [number for number in numbers if number > 31]  # noqa: PLR2004  # days of a month
    days = [number for number in numbers if number not in years]
    if not (months and years and days):
        return None
    hour, minute, second = map(int, time.groups()[:3])
    lowered = [word.lower() for word in words]
    hour = hour % _NOON if "am" in lowered and hour == _NOON else hour
    hour = hour + _NOON if "pm" in lowered and hour < _NOON else hour
    try:
        return datetime(years[0], months[0], days[0], hour, minute, second, int(f"{time[4] or '0':0<6}"))  # noqa: DTZ001  # of the zone
    except ValueError:
        return None


def _month(word: str) -> int | None:
    word = word.lower()
    return _NUMBERS.get(word) or _NUMBERS.get(word[:3])
