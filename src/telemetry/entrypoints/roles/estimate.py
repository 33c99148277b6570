"""`telemetry estimate`: what a fleet costs a month on AWS, unpacked against packed."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from telemetry.domain import estimate
from telemetry.domain.estimate import CHUNK, Packing, Prices
from telemetry.domain.store.objects import MAX_BATCH
from telemetry.entrypoints.process import screen, settings
from telemetry.entrypoints.process.options import Count, Parser
from telemetry.entrypoints.process.settings import Settings, SettingsError

_PRICES: Final = Path(__file__).parents[2] / "data" / "prices.json"

_JSON: Final = 300.0  # bytes of a record of the simulator as JSON
_SEALED: Final = (
    30.0  # bytes of it among others in a queue message, in base64: twice the 15 that the simulator's take
)


class _Line(msgspec.Struct):
    """A line of a consumer's log: what a batch came to."""

    event: str = ""
    size: int = 0
    messages: int = 0
    objects: int = 0
    bytes: int = 0


class EstimateOptions(msgspec.Struct, frozen=True):
    """How large the fleet is, and how its records are packed.

    An empty path of `measured` is that of the demo.
    """

    vehicles: Count = 10_000
    rate_hz: Annotated[float, Meta(ge=1e-6, le=1e6)] = 5
    measured: Path | None = None


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("estimate", __doc__)
    parser.add(EstimateOptions, vehicles="N: how many vehicles", rate_hz="HZ: records of each a second")
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
    rate = options.vehicles * options.rate_hz
    packings = [Packing("unpacked", 1, _JSON, configured.batch_size, _JSON), packed(configured, rate)]
    if options.measured is not None:
        log = options.measured if options.measured.name else configured.data_dir / "log" / "consumer.log"
        packings.append(measured(log))
    prices = msgspec.json.decode(_PRICES.read_bytes(), type=Prices)
    _show(rate, packings, prices)
    return 0


def packed(configured: Settings, rate: float) -> Packing:
    """Fill queue messages and objects up to their bounds, or with what comes within the time they wait."""
    linger_s = msgspec.structs.replace(configured, queue_backend="sqs").linger_s
    per_message = min(CHUNK / _SEALED, max(1.0, rate * linger_s))
    per_object = min(MAX_BATCH / _JSON, max(1.0, rate * configured.batch_timeout))
    return Packing("packed", per_message, _SEALED, per_object, _JSON)


def measured(log: Path) -> Packing:
    """Read from a consumer's log how records were packed. Raise SettingsError if it does not say."""
    lines = list(_lines(log))
    batches = [line for line in lines if line.event == "Batch processed" and line.size]
    if not batches:
        raise SettingsError(
            f"LOG_FORMAT: {log} names no batch as JSON; let the consumer write it with LOG_FORMAT=json"
        )
    records = sum(line.size for line in batches)
    return Packing(
        "measured",
        records / sum(line.messages for line in batches),
        _SEALED,
        records / sum(line.objects for line in batches),
        sum(line.bytes for line in batches) / records,
    )


def _lines(log: Path) -> Iterator[_Line]:
    """Yield the lines of a log that are JSON; one may be torn, if its consumer was killed."""
    for text in log.read_bytes().splitlines():
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            if text.startswith(b"{"):
                yield msgspec.json.decode(text, type=_Line)


def _show(rate: float, packings: Sequence[Packing], prices: Prices) -> None:
    months = [estimate.month(rate, packing, prices) for packing in packings]
    counts = (
        ("SQS requests", "requests"),
        ("S3 puts", "puts"),
        ("lifecycle transitions", "transitions"),
        ("GB in Standard", "standard_gb"),
        ("GB in Standard-IA", "infrequent_gb"),
        ("GB in Glacier", "glacier_gb"),
    )
    dollars = (
        ("SQS requests", "requests_cost"),
        ("S3 puts", "puts_cost"),
        ("S3 storage", "storage_cost"),
        ("lifecycle transitions", "transitions_cost"),
        ("together", "total"),
    )
    rows: list[tuple[str, ...]] = [
        ("records a queue message", *(f"{each.per_message:,.0f}" for each in packings))
    ]
    rows += [("records an object", *(f"{each.per_object:,.0f}" for each in packings))]
    rows += [(name, *(f"{getattr(each, field):,.0f}" for each in months)) for name, field in counts]
    rows += [(f"$ {name}", *(f"{getattr(each, field):,.0f}" for each in months)) for name, field in dollars]
    title = f"A month of {rate:,.0f} records a second, {months[0].records:.2g} in all, a year after the start"
    screen.table(title, ("", *(each.name for each in packings)), rows)
    screen.explain(f"Prices of {prices.as_of}, {prices.region}: {', '.join(prices.source)}")
