"""Writes the settings down for readers; `make configuration` keeps them in `docs/` and in `.env.example`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo

from telemetry.entrypoints.process.guide import GUIDES
from telemetry.entrypoints.process.kinds import choices, unit
from telemetry.entrypoints.process.settings import Settings, about

_COLUMNS: Final = "| setting | takes | default | meaning | read by |"

_OTHERS: Final = "Files, log and processes"
_SUBJECTS: Final[Mapping[str, Sequence[str]]] = {
    "Keys": ("API_", "ADMIN_"),
    "Queue": ("QUEUE_", "SQS_"),
    "Store": ("STORAGE_", "S3_", "RAW_", "PARTITION_"),
    "Receiver": ("INGEST_",),
    "Consumer": ("BATCH_", "SKEW_"),
    "Aggregator": ("AGGREGATE_", "ENGINE", "DASK_"),
    "Compaction": ("COMPACT_", "EXPIRE_"),
    _OTHERS: (),
}
"""What the names of a subject begin with; the last one has what is left."""

_HEAD: Final = """\
# Configuration

Settings come from the environment or from a file `.env`, and the environment goes first.
[.env.example](../.env.example) has all of them. A bad value or a misspelt name stops a process at its start,
with one line that names it and says what may be. `telemetry settings` shows what holds, and what gave each
setting its value. `--help` of a command names the settings that steer it.

This page is made from the settings' own descriptions by `make configuration`, and a test holds it to them.
`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL` and the other names that AWS's SDK knows may stand in `.env`
too. Durations are of a year at the most.
"""

_ENV_HEAD: Final = """\
# Every setting of the roles, with its default. Copy this file to .env, and uncomment what is to be changed.
# The environment goes before .env. What AWS's SDK knows (AWS_REGION, AWS_PROFILE, ...) may stand here too.
"""

_UNITS: Final = {"s": "seconds", "bytes": "bytes", "records/s": "records/s"}
_FAR: Final = 10**7  # an upper bound beyond it only keeps what is computed from overflowing
_LARGER: Final = {"s": ((86_400, "days"), (3_600, "h")), "bytes": ((10**9, "GB"), (10**6, "MB"))}


def page() -> str:
    """Spell `docs/configuration.md`: a table a subject, a row a setting."""
    fields = {field.name.upper(): field for field in msgspec.structs.fields(Settings)}
    tables = [_table(subject, fields) for subject in _SUBJECTS]
    return "\n".join([_HEAD, *tables])


def example() -> str:
    """Spell `.env.example`: each setting with its default, as a comment below what it is about."""
    return "\n".join([_ENV_HEAD, *map(_entry, msgspec.structs.fields(Settings))])


def _entry(field: FieldInfo) -> str:
    measured = f" In {unit(field)}." if unit(field) else ""
    default = "" if field.default is None else field.default
    return f"# {about()[field.name]}{measured}\n# {field.name.upper()}={default}\n"


def _table(subject: str, fields: Mapping[str, FieldInfo]) -> str:
    rows = [_row(name, field) for name, field in fields.items() if _subject(name) == subject]
    return "\n".join([f"## {subject}", "", _COLUMNS, "| --- " * _COLUMNS.count(" | ") + "| --- |", *rows, ""])


def _subject(name: str) -> str:
    return next((subject for subject, begins in _SUBJECTS.items() if name.startswith(tuple(begins))), _OTHERS)


def _row(name: str, field: FieldInfo) -> str:
    cells = (f"`{name}`", _takes(field), _default(field), about()[field.name], _read_by(name))
    return f"| {' | '.join(cells)} |"


def _takes(field: FieldInfo) -> str:
    """Say what a setting may be: one of some words, or a kind with its unit and its bounds."""
    if words := choices(field):
        return ", ".join(f"`{word}`" for word in words)
    kind, bounds = _kind(field.type)
    if kind not in (int, float):
        return "path" if kind is Path else "text"
    what = _UNITS.get(unit(field)) or ("whole number" if kind is int else "number")
    if bounds.le is not None and bounds.le < _FAR:
        return f"{what}, {bounds.ge} to {bounds.le:g}"
    return f"{what}, {bounds.ge} or more" if bounds.ge is not None else f"{what}, above {bounds.gt}"


def _kind(kind: object) -> tuple[object, Meta]:
    """Return the type of a setting that is set, without what is said about it, and its bounds."""
    if get_origin(kind) is Annotated:
        return _kind(get_args(kind)[0])[0], get_args(kind)[1]
    choices = [each for each in get_args(kind) if each is not type(None)]
    return (kind, Meta()) if get_origin(kind) is Literal or not choices else _kind(choices[0])


def _default(field: FieldInfo) -> str:
    if field.default is None or field.default == "":
        return ""
    text = f"`{field.default}`"
    for size, name in _LARGER.get(unit(field), ()):
        if field.default and field.default % size == 0:
            return f"{text} ({field.default // size:g} {name})"
    return text


def _read_by(name: str) -> str:
    """Name the commands that a setting steers, or those that it does not, whichever are fewer."""
    steered = [role for role, guide in GUIDES.items() if role != "settings" and name in guide.settings]
    others = [role for role, guide in GUIDES.items() if guide.settings and role not in {*steered, "settings"}]
    if len(steered) <= len(others):
        return ", ".join(steered)
    return f"all but {', '.join(others)}"


if __name__ == "__main__":
    Path("docs/configuration.md").write_text(page())
    Path(".env.example").write_text(example())
