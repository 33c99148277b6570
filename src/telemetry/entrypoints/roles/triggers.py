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
from telemetry.domain.figures.report import Line
from telemetry.domain.watch import triggers
from telemetry.domain.watch.triggers import Trigger
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.shared import weighing
from telemetry.entrypoints.shared.watching import Watching

_DAY: Final = 24  # hours
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
    found = list(triggers.check(weighing.measure(container.settings(), reading, lines, now_ms)))
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
