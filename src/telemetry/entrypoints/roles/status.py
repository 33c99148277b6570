"""`telemetry status`: says in six numbers how the pipeline is, since when one is wrong, and what helps.

The numbers come from what the roles tell each second below DATA_DIR, from the queue and from the store. Where
roles run on other machines, METRICS_URLS names the addresses of their metrics. The exit status is 0 if no
number is wrong, and 1 otherwise.
"""

import asyncio
from collections.abc import Iterator, Sequence

import msgspec

from telemetry.domain.watch.vitals import TITLES, Vital, Vitals
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, PositiveSeconds
from telemetry.entrypoints.shared.watching import Watching


class StatusOptions(msgspec.Struct, frozen=True):
    """Whether to go on, how often to look, and for whom to print."""

    watch: bool = False
    json: bool = False
    every_s: PositiveSeconds = msgspec.field(default=2, name="every")


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("status", __doc__)
    parser.add_argument("--watch", action="store_true", help="look again and again, until it is stopped")
    parser.add_argument("--json", action="store_true", help="one JSON object a look, on one line")
    parser.add(StatusOptions, every="SECONDS: between two looks of --watch")
    options = parser.read(arguments).to(StatusOptions)
    configured = settings.load()
    log.configure(configured, "Status")
    return runtime.run(lambda stopping: _look(Container(settings=configured), options, stopping))


async def _look(container: Container, options: StatusOptions, stopping: asyncio.Event) -> int:
    async with opened(container.archive_reader, container.lookout):
        watching = Watching(container)
        while True:
            found = await watching.read()
            if options.json:
                screen.say(msgspec.json.encode(found).decode())
            else:
                screen.say("\n".join(lines(found)))
            if options.watch:
                await runtime.pause(stopping, options.every_s)
            if stopping.is_set() or not options.watch:
                return int(not found.is_well)


def lines(found: Vitals) -> Iterator[str]:
    """Yield what a person reads: who runs, and a line a number, with what is wrong and helps below it."""
    runs = ", ".join(f"{many} {role}{'s' * (many != 1)}" for role, many in found.roles.items())
    yield f"{found.at[:19]}Z  {runs}"
    for each in found.vitals:
        yield f"{'!' if each.wrong else ' '} {TITLES[each.name]:<15} {shown(each):>12} {each.unit}".rstrip()
        if each.wrong:
            yield f"    since {(each.since or found.at)[:19]}Z: {each.why}"
            yield f"    {each.help}"


def shown(vital: Vital) -> str:
    """Format a value: `-` if it is not known."""
    if vital.value is None:
        return "-"
    return f"{vital.value:,.0f}" if not vital.unit or vital.value >= 100 else f"{vital.value:.2f}"  # noqa: PLR2004
