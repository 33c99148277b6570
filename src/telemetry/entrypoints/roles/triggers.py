"""`telemetry triggers`: says whether it is time to change the design, and what to change first.

Each line compares what is measured with a bound: the rate of the last whole hour, the duplicates of a day,
the oldest message, the P95 from vehicle to store, what a month costs on AWS, and how long an hour takes.
The exit status is 1 if any bound is exceeded, and 0 otherwise.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from telemetry.domain.contract.moment import Hour, hour_of
from telemetry.domain.estimate import flow
from telemetry.domain.estimate.cost import Month
from telemetry.domain.estimate.load import Load
from telemetry.domain.figures.report import Line
from telemetry.domain.watch import triggers
from telemetry.domain.watch.lately import Sums
from telemetry.domain.watch.triggers import Measured, Packing, Trigger
from telemetry.domain.watch.vitals import Reading
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import costing
from telemetry.entrypoints.shared.watching import Watching

_DAY: Final = 24  # hours
_HOUR_S: Final = 3600
_COLUMNS: Final = ("trigger", "measured", "bound", "unit", "fires")


class TriggerOptions(msgspec.Struct, frozen=True):
    """For whom to print."""

    json: bool = False


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("triggers", __doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a trigger")
    options = parser.read(arguments).to(TriggerOptions)
    configured = settings.load()
    log.configure(configured, "Triggers")
    return runtime.run(lambda _: _check(Container(settings=configured), options))


async def _check(container: Container, options: TriggerOptions) -> int:
    async with opened(container.archive_reader, container.lookout):
        reading, lines = await asyncio.gather(Watching(container).measure(), _lines(container))
    now_ms = container.clock().wall_ms()
    found = list(triggers.check(measure(container.settings(), reading, lines, now_ms)))
    if options.json:
        for each in found:
            screen.say(msgspec.json.encode(each).decode())
    else:
        _show(found)
    return int(any(each.fires for each in found))


async def _lines(container: Container) -> Sequence[Line]:
    """Read how the hours of the last day stand, the one that is over last at the end."""
    now = hour_of(container.clock().wall_ms())
    hours = (Hour(each) for each in range(now - _DAY, now))
    return [line async for line in container.hours().lines(hours)]


def measure(configured: Settings, reading: Reading, lines: Sequence[Line], now_ms: int) -> Measured:
    """Put together what the triggers are compared with."""
    consumers, aggregators = reading.of("consumer"), reading.of("aggregator")
    last = lines[-1] if lines else None
    rate = last.records / _HOUR_S if last else None
    return Measured(
        records_per_s=rate,
        duplicates_share=triggers.duplicates_share(lines),
        oldest_s=None if reading.oldest_ms is None else max(0, now_ms - reading.oldest_ms) / 1000,
        p95_s=Sums.of(consumers).p95_s.get("end_to_end"),
        month=_month(configured, Packing.of(consumers), rate, last.vehicles) if last and rate else None,
        build_s=max((each.now.longest_build_s for each in aggregators), default=None),
    )


def _month(configured: Settings, packing: Packing | None, rate: float, vehicles: int) -> float:
    """Estimate a month at this rate, packed as consumers saw it or, without any, as the model says."""
    load, terms, prices = (
        Load(rate=rate, vehicles=max(1, vehicles)),
        costing.terms(configured),
        costing.prices(),
    )
    if packing:
        made = flow.measured(load, terms, packing.per_message, packing.per_object)
        return Month.of(load, made, packing.object_size, prices).total
    made = flow.modelled(load, terms)
    return Month.of(load, made, terms.object_size(made.per_object), prices).total


def _show(found: Sequence[Trigger]) -> None:
    screen.table("Triggers", _COLUMNS, [_row(each) for each in found])
    for each in found:
        if each.fires:
            screen.say(f"{each.name}: over {each.bound:g} {each.unit}, so, in this order")
            for number, step in enumerate(each.steps, start=1):
                screen.say(f"  {number}. {step}")


def _row(each: Trigger) -> Sequence[object]:
    value = "-" if each.value is None else f"{each.value:,.4g}"
    return each.name, value, f"{each.bound:,g}", each.unit, "yes" if each.fires else "no"
