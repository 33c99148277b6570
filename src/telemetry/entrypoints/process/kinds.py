"""What a setting may be, and how the text of an environment or of a `.env` becomes one."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, get_args, get_origin

import msgspec
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from msgspec import Meta
from msgspec.structs import FieldInfo

from telemetry.domain.errors import UsageError

# Each has an upper bound, so that nothing computed from it overflows, and what is not finite is refused.
YEAR: Final = 365 * 24 * 3600  # seconds
UNIT: Final = "unit"
_LEAST_S: Final = 0.001  # of a duration, which the rules take in whole milliseconds
SECONDS: Final = {UNIT: "s"}

Positive = Annotated[float, Meta(gt=0, le=YEAR, extra=SECONDS)]
"""A duration in seconds."""
NotNegative = Annotated[float, Meta(ge=0, le=YEAR, extra=SECONDS)]
"""A duration in seconds, or 0."""
Skew = Annotated[float, Meta(ge=0, le=1e10, extra=SECONDS)]
"""How far a clock may be wrong, in seconds: by three centuries at the most, so that both ends have a date."""
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Bytes = Annotated[int, Meta(ge=1, le=1_000_000_000_000_000, extra={UNIT: "bytes"})]
Rate = Annotated[float, Meta(ge=0, le=1e9, extra={UNIT: "records/s"})]

QueueBackend = Annotated[
    str,
    Meta(
        pattern=r"^(sqlite|sqs|memory|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*)$",
        description="sqlite, sqs, memory, MODULE:NAME",
    ),
]
"""Which queue: one of the package, or what a module of somebody else calls so."""

SHOWN: Final = 60  # characters of a bad value
_KEY: Final = re.compile(r"[!-~]+")  # what a header of HTTP carries as it is


class SettingsError(UsageError):
    """Settings that cannot be used; its text names each and says what it may be."""


class Secret(str):
    """A text that does not show itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def unit(field: FieldInfo) -> str:
    """Return the unit of a setting, or nothing if it has none."""
    metas = [
        each for kind in (field.type, *get_args(field.type)) for each in getattr(kind, "__metadata__", ())
    ]
    return next((each.extra[UNIT] for each in metas if each.extra), "")


def choices(field: FieldInfo) -> Sequence[str]:
    """Return what a setting may be, if that is one of some words."""
    if get_origin(field.type) is Literal:
        return get_args(field.type)
    metas = getattr(field.type, "__metadata__", ())
    return next((each.description.split(", ") for each in metas if each.description), ())


def read_file(file: Path) -> dict[str, str]:
    """Read a `.env`, if it is there. Raise SettingsError if it is no text, or a line of it sets nothing."""
    if not file.is_file():
        return {}
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # as in UTF-16
        raise SettingsError(f"{file}: it is no text in UTF-8; save it as such")
    for line in parse_stream(io.StringIO(text)):
        if line.error:
            raise SettingsError(f"{file}: line {line.original.line} is not NAME=value")
    values = dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in values.items() if value is not None}


def convert(text: str, field: FieldInfo) -> object:
    """Convert a text into the value of a setting. Raise ValueError saying what it may be."""
    try:
        value = msgspec.convert(text, field.type, strict=False, dec_hook=_make)
    except msgspec.ValidationError as error:
        allowed = choices(field)
        why = f"expected one of {', '.join(allowed)}" if allowed else str(error)
        raise ValueError(f"{text[:SHOWN]!r}: {why}") from None
    if isinstance(value, float) and 0 < value < _LEAST_S and unit(field) == SECONDS[UNIT]:
        raise ValueError(f"{text[:SHOWN]!r}: expected at least {_LEAST_S} s: it would round to 0")
    if isinstance(value, Secret) and not _KEY.fullmatch(value):
        raise ValueError("it has blanks or characters beyond ASCII, which no header and no address carries")
    if value == Path() and not text:
        raise ValueError("it is empty")
    return value


def _make(kind: type, value: object) -> object:
    """Make what msgspec does not know how to make out of a text."""
    return kind(value)
