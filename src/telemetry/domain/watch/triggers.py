"""When to change the design: what is measured, the bound beyond which to think again, and what to do first.

What to do stands in the order that our own figures support: pack more into a message, add consumers, split
hours into buckets, compact, then a FIFO queue, then Kinesis. Each has the figure that puts it there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from telemetry.domain.figures.report import Line
from telemetry.domain.watch.lately import Lately

Step = Literal["pack", "consumers", "buckets", "compact", "fifo", "kinesis"]

_STEPS: Final[Mapping[Step, str]] = {
    "pack": (
        "pack: send more records a POST, or raise INGEST_LINGER; at 500 a POST a record costs 4 us of CPU and"
        " 0.001 requests, alone 69 us and 0.035 requests (docs/benchmarks.md, ADR 1)"
    ),
    "consumers": (
        "consumers: start one more; one stores 550,000 records/s here, and from an SQS 50 ms away 114,000 in"
        " packed messages or 1,600 single ones (docs/benchmarks.md, ADR 8)"
    ),
    "buckets": (
        "buckets: set PARTITION_BUCKETS, so that an hour is folded on every core: 1,000,000 lines took 2.0 times"
        " what DuckDB takes on one core, and 1.2 times on two (docs/benchmarks.md)"
    ),
    "compact": (
        "compact: make large objects of many small ones; a terabyte in large objects costs $5 a month, and small"
        " ones cost more to move than they save (telemetry estimate)"
    ),
    "fifo": (
        "fifo: a FIFO queue takes a body once within 5 minutes; it brings little, since copies are counted once"
        " over 7 days anyway (ADR 1)"
    ),
    "kinesis": "kinesis: it is cheaper from about 10 MB/s of packed messages on, and not before (ADR 1)",
}


class Measured(msgspec.Struct, frozen=True):
    """What the triggers are compared with; None is what is not known.

    The rate is that of the last whole hour, the share of duplicates that of a day. The month is what this
    rate would cost on AWS, in dollars, packed as it is now.
    """

    records_per_s: float | None = None
    duplicates_share: float | None = None
    oldest_s: float | None = None
    p95_s: float | None = None
    month: float | None = None
    build_s: float | None = None


class Trigger(msgspec.Struct, frozen=True):
    """A bound, what was measured, whether it is exceeded, and what to do then, the first first."""

    name: str
    value: float | None
    bound: float
    unit: str
    fires: bool
    steps: Sequence[str]


class _Bound(msgspec.Struct, frozen=True):
    name: str
    measured: str
    bound: float
    unit: str
    steps: Sequence[Step]


_BOUNDS: Final = (
    _Bound("sustained rate", "records_per_s", 5000, "records/s", ("pack", "consumers", "buckets", "kinesis")),
    _Bound("duplicates", "duplicates_share", 0.005, "share", ("consumers", "fifo")),
    _Bound("oldest message", "oldest_s", 60, "s", ("pack", "consumers", "kinesis")),
    _Bound("P95 end to end", "p95_s", 5, "s", ("pack", "consumers")),
    _Bound("month on AWS", "month", 50, "$", ("pack", "compact", "kinesis")),
    _Bound("aggregation of an hour", "build_s", 600, "s", ("buckets", "compact")),
)


def check(measured: Measured) -> Iterator[Trigger]:
    """Yield each trigger; one whose measure is not known does not fire."""
    for each in _BOUNDS:
        value: float | None = getattr(measured, each.measured)
        fires = value is not None and value > each.bound
        steps = [_STEPS[step] for step in each.steps]
        yield Trigger(each.name, value, each.bound, each.unit, fires, steps)


def duplicates_share(lines: Sequence[Line]) -> float | None:
    """Return which share of the records of some hours were duplicates; None without records."""
    records = sum(each.records for each in lines)
    return sum(each.duplicates for each in lines) / records if records else None


class Packing(msgspec.Struct, frozen=True):
    """How many records share a message and an object, and the bytes of an object."""

    per_message: float
    per_object: float
    object_size: float

    @classmethod
    def of(cls, consumers: Sequence[Lately]) -> "Packing | None":
        """Return what consumers saw since their start; None if they stored nothing."""
        now = [each.now for each in consumers]
        stored, messages, objects = (
            sum(getattr(each, name) for each in now) for name in ("stored", "messages", "objects")
        )
        if not stored or not messages or not objects:
            return None
        return cls(stored / messages, stored / objects, sum(each.size for each in now) / objects)
