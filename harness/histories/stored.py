"""What lies in the store, read without the product: lines by tree and hour, and what their figures are.

The naive model looks once at each line of an hour, in plain Python.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import zstandard

from harness.histories.options import DAY_MS, HOUR_MS

PAST_MS: Final = 7 * DAY_MS
FUTURE_MS: Final = 5 * 60_000
FARTHEST_HOURS: Final = 60 * 24
"""Between a receipt and a timestamp, beyond which a copy that is believed is not looked for (ADR 6)."""

Identity = tuple[str, str, int]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
decode: Final = msgspec.json.Decoder().decode
"""Decode JSON, whatever it is."""
_unpack: Final = zstandard.ZstdDecompressor()


class Line(NamedTuple):
    """A line of the store."""

    identity: Identity
    payload: Mapping[str, float]
    received_ms: int

    @property
    def key(self) -> tuple[object, ...]:
        """Return what is the same of a record as it is sent and as it is stored."""
        return *self.identity, *sorted(self.payload.items())

    @property
    def place(self) -> tuple[str, int]:
        return place(self.identity[2], self.received_ms)


def place(timestamp_ms: int, received_ms: int) -> tuple[str, int]:
    """Return the tree and the hour that a record belongs to."""
    if -PAST_MS <= timestamp_ms - received_ms <= FUTURE_MS:
        return "raw", timestamp_ms // HOUR_MS
    return "skewed", received_ms // HOUR_MS


def lines_of(key: str, data: bytes) -> Sequence[Line]:
    """Read an object of records."""
    content = _unpack.stream_reader(data, read_across_frames=True).read() if key.endswith(".zst") else data
    return [_line(decode(each)) for each in content.splitlines()]


@lru_cache(maxsize=4096)
def folder(hour: int) -> str:
    """Write the folder of an hour, below its tree."""
    start = _EPOCH + timedelta(hours=hour)
    return f"year={start:%Y}/month={start:%m}/day={start:%d}/hour={start:%H}"


@lru_cache(maxsize=4096)
def stamp(hour: int) -> str:
    """Write an hour as the name of its figures has it."""
    return f"{_EPOCH + timedelta(hours=hour):%Y%m%dT%HZ}"


@lru_cache(maxsize=4096)
def hour_at(key: str) -> int:
    """Return the hour of a key that lies in the folder of one."""
    numbers = [int(part.partition("=")[2]) for part in key.split("/")[1:5]]
    return (datetime(*numbers, tzinfo=UTC) - _EPOCH) // timedelta(hours=1)  # type: ignore[arg-type, misc]  # which are four


def figures(lines: Sequence[Line], believed: Collection[Identity]) -> dict[str, Any]:
    """Say what the figures of an hour are, given the lines of both of its trees.

    `believed` are the identities in `raw/` of all hours, which do not count as skewed anywhere.
    """
    copies = _copies(line for line in lines if line.place[0] == "raw")
    first = {identity: _first(found) for identity, found in copies.items()}
    vehicles: defaultdict[str, list[Line]] = defaultdict(list)
    for line in first.values():
        vehicles[line.identity[0]].append(line)
    total = sum(map(len, copies.values()))
    return {
        "records": total,
        "unique": len(first),
        "duplicates": total - len(first),
        "conflicting": sum(
            line.payload != first[identity].payload for identity, found in copies.items() for line in found
        ),
        "refused": 0,
        "damaged": 0,
        "skewed": _skewed(lines, believed),
        "vehicles": {name: _vehicle(found) for name, found in vehicles.items()},
    }


def first_of(lines: Iterable[Line]) -> Sequence[Line]:
    """Return of each record the copy that counts."""
    return [_first(found) for found in _copies(lines).values()]


def _copies(lines: Iterable[Line]) -> Mapping[Identity, Sequence[Line]]:
    copies: defaultdict[Identity, list[Line]] = defaultdict(list)
    for line in lines:
        copies[line.identity].append(line)
    return copies


def _skewed(lines: Iterable[Line], believed: Collection[Identity]) -> range:
    """Return how many skewed records there may be: those that nobody looks for may count or not."""
    found = {line.identity: line for line in lines if line.place[0] == "skewed"}
    least = sum(identity not in believed for identity in found)
    far = [line for identity, line in found.items() if identity in believed and _is_far(line)]
    return range(least, least + len(far) + 1)


def _is_far(line: Line) -> bool:
    return abs(line.identity[2] // HOUR_MS - line.received_ms // HOUR_MS) > FARTHEST_HOURS


def told(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return of figures in the store what the model says."""
    names = ("records", "unique", "duplicates", "conflicting", "refused", "damaged", "skewed")
    return {name: figures.get(name, 0) for name in names} | {
        "vehicles": {
            name: {each: vehicle[each] for each in ("count", "first", "last", "signals")}
            for name, vehicle in figures["vehicles"].items()
        }
    }


def _line(stored: Mapping[str, Any]) -> Line:
    moment = _ms(stored["timestamp"])
    return Line(
        (stored["vehicle_id"], stored["can_id"], moment), stored["payload"], _ms(stored["ingest_received_at"])
    )


def _first(copies: Sequence[Line]) -> Line:
    """Return the copy that counts: received first, and of those the one with the lowest values."""
    if len(copies) == 1:
        return copies[0]
    names = sorted({name for line in copies for name in line.payload})
    return min(
        copies, key=lambda line: (line.received_ms, [line.payload.get(name, math.inf) for name in names])
    )


def _vehicle(lines: Sequence[Line]) -> dict[str, Any]:
    moments = [line.identity[2] for line in lines]
    values: defaultdict[str, list[float]] = defaultdict(list)
    for line in lines:
        for name, value in line.payload.items():
            values[name].append(value)
    return {
        "count": len(lines),
        "first": text(min(moments)),
        "last": text(max(moments)),
        "signals": {
            name: {
                "count": len(each),
                "min": min(each),
                "max": max(each),
                "avg": math.fsum(each) / len(each),
            }
            for name, each in values.items()
        },
    }


@lru_cache(maxsize=65_536)
def _ms(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // _MS


def text(ms: int) -> str:
    return (_EPOCH + ms * _MS).isoformat(timespec="milliseconds").replace("+00:00", "Z")
