"""What `telemetry compact --watch` asks of S3, and what it leaves there: a model of its turns.

A turn lists the raw objects of the days that have any, and then each of their hours: its raw objects twice,
its compacted ones twice, and its manifest twice. The raw objects of an hour without a manifest, which is the
one that lasts, are listed once more. Once an hour, what the figures of an hour were built from and all of its
raw objects are read, and few objects take their place, which are read back before they are visible and before
raw objects are removed. Once a day a turn looks at all hours that were ever compacted.
`tests/unit/estimate/test_compaction.py` holds it to what a compaction of one hour asks.
"""

import math
from typing import Final

import msgspec

from telemetry.domain.estimate.flow import Flow
from telemetry.domain.estimate.load import LINE, Load, Terms

_HOUR_S: Final = 3600
_DAY_S: Final = 24 * _HOUR_S
_PAGE: Final = 1000  # keys of an answer to a listing
_YEAR: Final = 360 * 24  # hours, of twelve months of 30 days
_FOLDERS: Final = 4  # listings that find the days of a tree: its years, a year, a month or two
_BESIDE: Final = 3  # copies, what all records add up to, the manifest
_READ_BACK: Final = 2  # times
_READ_ONCE: Final = 3  # manifest, figures, and what these were built from
_RAW_ONCE: Final = 2  # times that its raw objects are listed once it is complete, beside the looks
_TREES_ONCE: Final = 2  # and that its figures are, and what is skewed
_LOOKS: Final = 2  # at each hour a turn: to compact it, and to tidy it
# Measured by `make bench-lake`: bytes of a record, and of what all of a vehicle's add up to.
_RECORD: Final = {"parquet": 4.75, "jsonl.zst": 11.3}
_VEHICLE: Final = 130
_INPUT: Final = 200  # bytes of a manifest for each raw object


class Compaction(msgspec.Struct, frozen=True):
    """Requests a second, and what is stored.

    `lists` are priced like puts. `rate` is bytes of records a second, in objects of `size` bytes, and
    `beside` is bytes a second of manifests and sums. Raw objects are there for `kept_s` seconds.
    """

    puts: float
    gets: float
    lists: float
    rate: float
    size: float
    beside: float
    kept_s: float


def modelled(load: Load, flow: Flow, terms: Terms) -> Compaction:
    """Return what the compaction of a flow comes to, a year after the start."""
    record = _RECORD[terms.compacted_as]
    objects = max(1, math.ceil(load.rate * _HOUR_S * record / terms.compacted_size))
    hours = math.ceil(terms.kept_s / _HOUR_S) + 1
    turns_s = 1 / terms.compact_s
    looks_s = hours * turns_s + _YEAR / _DAY_S
    pages = _pages(flow.puts * _HOUR_S)
    listed_s = hours * turns_s * _LOOKS * pages + _YEAR / _DAY_S * _LOOKS
    lasting_s = turns_s * pages
    once = _RAW_ONCE * pages + _TREES_ONCE
    days_s = (math.ceil(terms.kept_s / _DAY_S) * _pages(flow.puts * _DAY_S) + _FOLDERS) * turns_s
    return Compaction(
        puts=(objects + _BESIDE) / _HOUR_S,
        gets=flow.puts + looks_s * _LOOKS + (_READ_BACK * (objects + 1) + _READ_ONCE) / _HOUR_S,
        lists=days_s + listed_s + looks_s * _LOOKS + lasting_s + once / _HOUR_S,
        rate=load.rate * record,
        size=load.rate * _HOUR_S * record / objects,
        beside=flow.puts * _INPUT + load.vehicles * _VEHICLE / _HOUR_S,
        kept_s=terms.kept_s,
    )


def share(terms: Terms) -> float:
    """Return how many bytes a byte of lines becomes."""
    return _RECORD[terms.compacted_as] / LINE


def _pages(keys: float) -> int:
    return max(1, math.ceil(keys / _PAGE))
