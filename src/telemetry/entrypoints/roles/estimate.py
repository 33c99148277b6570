"""`telemetry estimate`: what a fleet costs a month on AWS, as the pipeline runs, beside the plain design.

The plain design sends a message a record. How the pipeline runs follows from the settings and from how many
records share a POST. --measured takes from a consumer's log how many shared a message and an object. The last
column is packed, with `telemetry compact --watch` beside it.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from telemetry.domain.estimate import compaction, flow
from telemetry.domain.estimate.cost import MONTH_S, TB, Month, Prices, Stored
from telemetry.domain.estimate.load import Load
from telemetry.domain.store.objects import MAX_BATCH
from telemetry.entrypoints.process import screen, settings
from telemetry.entrypoints.process.kinds import SettingsError
from telemetry.entrypoints.process.options import Count, Parser
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import costing

_IN_CENTS: Final = 100  # dollars, below which cents are shown

_LEFT_OUT: Final = (
    "Left out: computers and load balancers, traffic and NAT, logs and alarms (CloudWatch), calls to KMS,"
    " restores from Glacier, retries, copies, quarantine, dead letters, and lower prices for large volumes."
)


class _Line(msgspec.Struct):
    """A line of a consumer's log: what a batch came to."""

    event: str = ""
    size: int = 0
    messages: int = 0
    objects: int = 0
    bytes: int = 0


class EstimateOptions(msgspec.Struct, frozen=True):
    """How large the fleet is, how it sends, and how many processes take it.

    An empty path of `measured` is that of the demo.
    """

    vehicles: Count = 10_000
    rate_hz: Annotated[float, Meta(ge=1e-6, le=1e6)] = 5
    per_post: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    receivers: Annotated[int, Meta(ge=1, le=10_000)] = 1
    consumers: Annotated[int, Meta(ge=1, le=10_000)] = 1
    measured: Path | None = None


class _Column(NamedTuple):
    """A way to run: its name, its month, the bytes of its objects, and what a terabyte of lines costs so."""

    name: str
    month: Month
    size: float
    terabyte: Stored


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("estimate", __doc__)
    parser.add(
        EstimateOptions,
        vehicles="N: how many vehicles",
        rate_hz="HZ: records of each a second",
        per_post="N: records that share a POST",
        receivers="N: how many receivers take them",
        consumers="N: how many consumers store them",
    )
    parser.add_argument(
        "--measured",
        nargs="?",
        const="",
        default=argparse.SUPPRESS,
        metavar="LOG",
        help="packing as in a run, from its consumer's log with LOG_FORMAT=json (default: that of the demo)",
    )
    options = parser.read(arguments).to(EstimateOptions)
    configured = settings.load()
    prices = costing.prices()
    _show(load(options), list(_columns(options, configured, prices)), prices)
    return 0


def load(options: EstimateOptions) -> Load:
    return Load(
        rate=options.vehicles * options.rate_hz,
        per_post=options.per_post,
        vehicles=options.vehicles,
        receivers=options.receivers,
        consumers=options.consumers,
    )


def _columns(options: EstimateOptions, configured: Settings, prices: Prices) -> Iterator[_Column]:
    offered, agreed = load(options), costing.terms(configured)

    def column(name: str, made: flow.Flow, size: float) -> _Column:
        return _Column(name, Month.of(offered, made, size, prices), size, Stored.of(TB, size, prices))

    plain, packed = flow.plain(offered, agreed), flow.modelled(offered, agreed)
    yield column("plain", plain, agreed.object_size(plain.per_object))
    yield column("packed", packed, agreed.object_size(packed.per_object))
    if options.measured is not None:
        named = options.measured.name
        log = options.measured if named else configured.data_dir / "log" / "consumer.log"
        per_message, per_object, size = measured(log)
        yield column("measured", flow.measured(offered, agreed, per_message, per_object), size)
    made = compaction.modelled(offered, packed, agreed)
    size = agreed.object_size(packed.per_object)
    month = Month.compacted(offered, packed, size, made, prices)
    terabyte = Stored.compacted(TB * compaction.share(agreed), made.size, prices)
    yield _Column("compacted", month, made.size, terabyte)


def measured(log: Path) -> tuple[float, float, float]:
    """Read from a consumer's log how many records a message and an object held, and the bytes of an object.

    Raise SettingsError if it does not say.
    """
    lines = list(_lines(log))
    batches = [line for line in lines if line.event == "Batch processed" and line.size]
    if not batches:
        raise SettingsError(
            f"LOG_FORMAT: {log} names no batch as JSON; let the consumer write it with LOG_FORMAT=json"
        )
    records, objects = (sum(getattr(line, name) for line in batches) for name in ("size", "objects"))
    per_message = records / sum(line.messages for line in batches)
    return per_message, records / objects, sum(line.bytes for line in batches) / objects


def _lines(log: Path) -> Iterator[_Line]:
    """Yield the lines of a log that are JSON; one may be torn, if its consumer was killed."""
    for text in log.read_bytes().splitlines():
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            if text.startswith(b"{"):
                yield msgspec.json.decode(text, type=_Line)


_COUNTS: Final[Sequence[tuple[str, Callable[[Month], float]]]] = (
    ("records a queue message", lambda each: each.flow.per_message),
    ("records an object", lambda each: each.flow.per_object),
    ("SQS sends", lambda each: each.flow.sends * MONTH_S),
    ("SQS receives", lambda each: each.flow.receives * MONTH_S),
    ("SQS deletes", lambda each: each.flow.deletes * MONTH_S),
    ("SQS health checks and looks", lambda each: each.flow.checks * MONTH_S),
    ("S3 puts of records", lambda each: each.flow.puts * MONTH_S),
    ("S3 puts of compacted records", lambda each: each.compacting * MONTH_S),
    ("S3 puts of figures", lambda each: each.flow.figure_puts * MONTH_S),
    ("S3 gets", lambda each: each.flow.gets * MONTH_S),
    ("S3 lists", lambda each: each.flow.lists * MONTH_S),
    ("lifecycle transitions", lambda each: each.stored.moves),
    ("GB stored of a year, as lines", lambda each: each.lines_gb),
    ("GB stored of a year, compacted", lambda each: 12 * each.stored.gb if each.compacting else 0.0),
)
_DOLLARS: Final[Sequence[tuple[str, Callable[[Month], float]]]] = (
    ("SQS requests", lambda each: each.requests_cost),
    ("S3 puts and lists", lambda each: each.writes_cost),
    ("S3 gets", lambda each: each.reads_cost),
    ("S3 storage", lambda each: each.storage_cost),
    ("lifecycle transitions", lambda each: each.moving_cost),
    ("together", lambda each: each.total),
    ("S3 storage, if all lines stay in Standard", lambda each: each.unmoved_cost),
)
_TERABYTE: Final[Sequence[tuple[str, Callable[[Stored], float]]]] = (
    ("GB", lambda each: each.gb),
    ("objects", lambda each: each.objects),
    ("$ a month, days 0 to 30: Standard", lambda each: each.in_standard),
    ("$ a month, days 30 to 90: Standard-IA from 128 KB on", lambda each: each.in_infrequent),
    ("$ a month, from day 90 on: Glacier; compacted: its Instant Retrieval", lambda each: each.in_glacier),
    ("$ once, to move it", lambda each: each.moving),
    ("$ a month, mean of the first year, with moving", lambda each: each.mean(12)),
    ("$ a month, mean of three years, with moving", lambda each: each.mean(36)),
)


def _show(offered: Load, columns: Sequence[_Column], prices: Prices) -> None:
    heads = ("", *(each.name for each in columns))
    months = [each.month for each in columns]
    rows = [(name, *(f"{value(each):,.0f}" for each in months)) for name, value in _COUNTS]
    rows += [(f"$ {name}", *(f"{value(each):,.0f}" for each in months)) for name, value in _DOLLARS]
    records = f"{offered.rate:,.0f} records a second, {offered.rate * MONTH_S:.2g} in all"
    screen.table(f"A month of {records}, a year after the start", heads, rows)
    sizes = [*(each.size for each in columns), float(MAX_BATCH)]
    terabytes = [*(each.terabyte for each in columns), Stored.of(TB, MAX_BATCH, prices)]
    rows = [("KB an object", *(f"{size / 1024:,.0f}" for size in sizes))]
    rows += [(name, *(_money(value(each)) for each in terabytes)) for name, value in _TERABYTE]
    screen.table("1 TB of lines, by the size of its objects", (*heads, "largest"), rows)
    screen.explain(f"Prices of {prices.as_of}, {prices.region}: {', '.join(prices.source)}")
    screen.explain(_LEFT_OUT)


def _money(value: float) -> str:
    return f"{value:,.2f}" if value < _IN_CENTS else f"{value:,.0f}"
